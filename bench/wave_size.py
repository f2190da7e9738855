"""What a wave costs as it grows: state transitions, requests to the service and to EC2, the largest state payload.

    make bench, or: PYTHONPATH=functions .venv/bin/python -m bench.wave_size [SIZE ...]

Runs in process: the state machines in moto's interpreter, the real functions, the simulator over HTTP.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import boto3
from rich.console import Console
from rich.table import Table

from tests.statemachines.interpreter import REGION
from tests.statemachines.night import Night, a_night, a_plan, a_wave

SIZES = (3, 30, 300)


@dataclass(frozen=True)
class Cost:
    """Of one test run of one wave. `payload`: bytes of the largest input or output of any state."""

    machines: int
    verified: int
    transitions: int
    service: int
    replicas: int
    ec2: int
    payload: int


def measure(machines: int) -> Cost:
    """Launch and verify a wave of this many machines, each with a target from before."""
    names = [f"srv{number:04}" for number in range(1, machines + 1)]
    project = {
        "subnets": {"demo": "10.20.0.0/20"},
        "security_groups": ["demo"],
        "fleet": {"count": machines, "name": "srv{n:04}", "machine": {"tested": "9d"}},
    }
    with a_night({"projects": {"Demo": project}}) as night:
        night.run(a_plan(a_wave("all", *names)))
        evidence = night.evidence()
        requests: dict[str, int] = evidence["requests"]
        return Cost(
            machines=machines,
            verified=sum(status == "verified" for status in night.statuses().values()),
            transitions=evidence["transitions"],
            service=sum(count for operation, count in requests.items() if not operation.startswith("ec2")),
            replicas=requests["GET replica"],
            ec2=sum(count for operation, count in requests.items() if operation.startswith("ec2")),
            payload=_largest_payload(night),
        )


def _largest_payload(night: Night) -> int:
    client = boto3.client("stepfunctions", REGION)
    executions = [
        execution["executionArn"]
        for machine in client.list_state_machines()["stateMachines"]
        for execution in client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    ]
    payloads = [
        details.get(part, "")
        for arn in executions
        for page in client.get_paginator("get_execution_history").paginate(executionArn=arn)
        for event in page["events"]
        for details, part in (
            (event.get("stateEnteredEventDetails", {}), "input"),
            (event.get("stateExitedEventDetails", {}), "output"),
        )
    ]
    return max(len(each if isinstance(each, str) else json.dumps(each)) for each in payloads)


def main(sizes: Sequence[int]) -> None:
    logging.disable(logging.CRITICAL)
    table = Table(title="one wave, test mode, every machine with a target from before")
    costs = [measure(size) for size in sizes]
    for name in costs[0].__dataclass_fields__:
        table.add_column(name, justify="right")
    for cost in costs:
        table.add_row(*(str(value) for value in vars(cost).values()))
    Console().print(table)
    first, last = costs[0], costs[-1]
    ratio = last.transitions / first.transitions
    Console().print(f"{last.machines / first.machines:.0f} times the machines, {ratio:.2f} times the transitions")


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or SIZES)

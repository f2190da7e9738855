"""The state machines: a file each, its placeholders filled, and the right to call what it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Acknowledgment, ArnFormat, Fn, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.functions import LOG_RETENTION
from infra.wildcards import acknowledge_wildcard

# Where Step Functions learns that a child execution has ended (Step Functions Developer Guide, "IAM policies for
# AWS Step Functions workflows": the `.sync` patterns).
SYNC_RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"


class Workflows(Construct):
    """A plan's run, and the wave it starts as a child and waits for."""

    plan: sfn.StateMachine
    wave: sfn.StateMachine

    def __init__(self, scope: Construct, id_: str, *, definitions: Path, functions: Mapping[str, str]) -> None:
        """`definitions` is the folder of the ASL files; `functions` are ARNs by placeholder."""
        super().__init__(scope, id_)
        self.wave = self._machine("WaveMachine", definitions / "wave.asl.json", functions)
        callable_ = {**functions, "WaveMachine": self.wave.state_machine_arn}
        self.plan = self._machine("PlanMachine", definitions / "plan.asl.json", callable_)
        self._let_plan_wait_for_wave()

    def executions_of(self, machine: sfn.StateMachine) -> str:
        """The ARN pattern of a machine's executions."""
        return self._arn("states", "execution", Fn.join(":", [machine.state_machine_name, "*"]), ":")

    def _machine(self, id_: str, file: Path, arns: Mapping[str, str]) -> sfn.StateMachine:
        definition = file.read_text()
        named = sorted(set(re.findall(r"\$\{(\w+)\}", definition)))
        if unknown := [name for name in named if name not in arns]:
            raise ValueError(
                f"{file}: ${{{unknown[0]}}} names neither a function (infra/function_table.py) nor a state machine"
            )
        machine = sfn.StateMachine(
            self,
            id_,
            # from_string keeps the workflow in the template (docs/decisions/0002-workflows-in-the-template.md).
            definition_body=sfn.DefinitionBody.from_string(definition),
            definition_substitutions={name: arns[name] for name in named},
            logs=sfn.LogOptions(
                destination=logs.LogGroup(self, f"{id_}Log", retention=LOG_RETENTION),
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
        )
        machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"],
                resources=[arns[name] for name in named if name != "WaveMachine"],
            )
        )
        Validations.of(machine).acknowledge(
            Acknowledgment(
                id="AwsSolutions-SF2",
                reason="The log has every step, the run's evidence every fact; X-Ray would add a right on everything.",
            ),
        )
        acknowledge_wildcard(machine, "*", "CloudWatch's log delivery actions, added by the CDK, take no resource.")
        return machine

    def _let_plan_wait_for_wave(self) -> None:
        executions = self.executions_of(self.wave)
        acknowledge_wildcard(self.plan, executions, "Step Functions names the children.")
        for actions, arn in (
            (["states:StartExecution"], self.wave.state_machine_arn),
            (["states:DescribeExecution", "states:StopExecution"], executions),
            (["events:PutTargets", "events:PutRule", "events:DescribeRule"], self._arn("events", "rule", SYNC_RULE)),
        ):
            self.plan.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[arn]))

    def _arn(self, service: str, resource: str, name: str, separator: str = "/") -> str:
        form = ArnFormat.COLON_RESOURCE_NAME if separator == ":" else ArnFormat.SLASH_RESOURCE_NAME
        return Stack.of(self).format_arn(service=service, resource=resource, resource_name=name, arn_format=form)

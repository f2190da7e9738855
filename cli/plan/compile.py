"""The author's plan compiled: overlays laid over each other, defaults filled in, seconds and UTC throughout."""

from __future__ import annotations

from typing import TypeVar

from cli.plan import model
from cli.plan.fields import seconds, utc
from cutover.plan import Expectation, Mode, Plan, PlannedMachine, PollBounds, Waiver, Wave

Overlay = TypeVar("Overlay", bound=model.Block)


def compiled(plan: model.AuthorPlan) -> Plan:
    """What the functions read."""
    schedule = {Mode.TEST: plan.schedule.test, Mode.CUTOVER: plan.schedule.cutover}
    return Plan(
        name=plan.name,
        service=plan.service,
        project=plan.project,
        region=plan.region,
        waves=tuple(_wave(plan, wave) for wave in plan.waves),
        schedule={mode: utc(instant).strftime("%Y-%m-%dT%H:%M:%SZ") for mode, instant in schedule.items() if instant},
    )


def _wave(plan: model.AuthorPlan, wave: model.Wave) -> Wave:
    readiness = laid_over(plan.readiness, wave.readiness)
    gate = laid_over(plan.test_gate, wave.test_gate)
    verify = laid_over(plan.verify, wave.verify)
    poll = laid_over(plan.poll, wave.poll)
    return Wave(
        name=wave.name,
        machines=tuple(_machine(plan, wave, machine) for machine in wave.machines),
        lag_limit=seconds(readiness.lag),
        readiness_deadline=seconds(readiness.deadline),
        test_minimum_age=seconds(gate.minimum_age),
        test_waiver=Waiver(by=gate.waiver.by, reason=gate.waiver.reason) if gate.waiver else None,
        job_deadline=seconds(verify.job_deadline),
        verify_deadline=seconds(verify.deadline),
        ok_in_a_row=verify.ok_in_a_row,
        on_failure=wave.on_failure or plan.on_failure,
        poll=PollBounds(minimum=seconds(poll.minimum), maximum=seconds(poll.maximum)),
    )


def _machine(plan: model.AuthorPlan, wave: model.Wave, machine: model.Machine) -> PlannedMachine:
    levels = (plan.expect, wave.expect, machine.expect)
    return PlannedMachine(
        name=machine.name,
        id=machine.id.lower() if machine.id else None,
        expect={
            Mode.TEST: _expectation(*(expect.test for expect in levels)),
            Mode.CUTOVER: _expectation(*(expect.cutover for expect in levels)),
        },
        tags={**plan.tags, **wave.tags, **machine.tags},
    )


def _expectation(plan: model.ExpectedTarget, wave: model.ExpectedTarget, machine: model.ExpectedTarget) -> Expectation:
    expected = laid_over(laid_over(plan, wave), machine)
    groups = expected.security_groups
    return Expectation(
        instance_type=expected.instance_type,
        subnet=expected.subnet,
        security_groups=None if groups is None else tuple(groups),
        private_ip=expected.private_ip,
        public_ip=expected.public_ip,
    )


def laid_over(below: Overlay, above: Overlay) -> Overlay:
    """`below`, with every key that `above` sets in its place."""
    return below.model_copy(update={key: getattr(above, key) for key in above.model_fields_set})

"""The author's plan compiled: overlays laid over each other, defaults filled in, seconds and UTC throughout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from cli.plan import model
from cli.plan.block import Block
from cli.plan.calendar import compiled_calendar, compiled_schedule
from cli.plan.compile_night import compiled_night
from cli.plan.fields import seconds, size_in_bytes, utc
from cli.plan.tell import compiled_telling
from cutover.plan import (
    AcceptedChanges,
    AskedToSign,
    ByOs,
    Expectation,
    Group,
    Mode,
    OnFailure,
    Plan,
    PlannedMachine,
    PollBounds,
    Replacement,
    Waiver,
    Wave,
)
from cutover.planned_selection import Selection

Overlay = TypeVar("Overlay", bound=Block)


def compiled(plan: model.AuthorPlan) -> Plan:
    """What the functions read."""
    waves = tuple(wave for together in _together(plan.waves) for wave in _launches(plan, together))
    return Plan(
        name=plan.name,
        service=plan.service,
        project=plan.project or "",
        region=plan.region,
        waves=waves,
        schedule=compiled_schedule(plan.schedule, (each.test_minimum_age for each in waves if not each.test_waiver)),
        night=compiled_night(plan.cutover) if plan.cutover else None,
        test_ttl=seconds(plan.tests.ttl) if plan.tests.ttl else None,
        calendar=compiled_calendar(plan.schedule),
        telling=compiled_telling(plan.tell),
        author=plan.author or "",
    )


def _together(waves: Sequence[model.Wave]) -> list[list[model.Wave]]:
    """The waves in their order, those that share a launch in one list."""
    found: list[list[model.Wave]] = []
    for wave in waves:
        if wave.launch_with is None:
            found.append([wave])
        else:
            found[-1].append(wave)
    return found


def _launches(plan: model.AuthorPlan, together: Sequence[model.Wave]) -> list[Wave]:
    """What is launched for waves that share a launch, or for one by itself."""
    if len(together) == 1:
        return _with_canary(_wave(plan, together[0]), together[0].canary)
    waves = [_wave(plan, each) for each in together]
    machines = tuple(replace(each, group=number) for number, wave in enumerate(waves) for each in wave.machines)
    groups = tuple(Group(wave.name, wave.at_least) for wave in waves)
    name = "+".join(group.name for group in groups)
    return [replace(waves[0], name=name, machines=machines, at_least=None, groups=groups)]


def _wave(plan: model.AuthorPlan, wave: model.Wave) -> Wave:
    readiness = laid_over(plan.readiness, wave.readiness)
    gate = laid_over(plan.test_gate, wave.test_gate)
    verify = laid_over(plan.verify, wave.verify)
    poll = laid_over(plan.poll, wave.poll)
    return Wave(
        name=wave.name,
        machines=tuple(_machine(plan, wave, machine) for machine in wave.machines),
        lag_limit=seconds(readiness.lag),
        backlog_limit=size_in_bytes(readiness.backlog) if readiness.backlog else None,
        readiness_deadline=seconds(readiness.deadline),
        test_minimum_age=seconds(gate.minimum_age),
        test_waiver=Waiver(by=gate.waiver.by, reason=gate.waiver.reason) if gate.waiver else None,
        job_deadline=seconds(verify.job_deadline),
        verify_deadline=_deadline(verify.deadline),
        ok_in_a_row=verify.ok_in_a_row,
        on_failure=wave.on_failure or plan.on_failure,
        poll=PollBounds(minimum=seconds(poll.minimum), maximum=seconds(poll.maximum)),
        at_least=wave.at_least,
        launch_configuration=laid_over(plan.launch_configuration, wave.launch_configuration).differences,
        sign_off=_asked_to_sign(plan.tests.sign_off),
    )


def _asked_to_sign(given: model.SignOff | None) -> AskedToSign | None:
    if given is None:
        return None
    until = utc(given.until).strftime("%Y-%m-%dT%H:%M:%SZ") if given.until else None
    return AskedToSign(tuple(given.by), until)


def _deadline(given: str | model.Deadlines) -> ByOs:
    if isinstance(given, model.Deadlines):
        return ByOs(seconds(given.linux), seconds(given.windows))
    return ByOs(seconds(given), seconds(given))


def _with_canary(wave: Wave, canary: str | None) -> list[Wave]:
    """The wave, or the canary and then the rest: a canary is launched alone, and so a wave of its own.

    Nothing follows a canary that fails, whatever the rule: that is what it is sent ahead for.
    """
    if canary is None:
        return [wave]
    ahead = tuple(each for each in wave.machines if each.label.casefold() == canary.casefold())
    rest = tuple(each for each in wave.machines if each not in ahead)
    rule = OnFailure.STOP if wave.on_failure is OnFailure.CONTINUE else wave.on_failure
    left = None if wave.at_least is None else max(wave.at_least - len(ahead), 0)
    return [
        replace(wave, name=canary_name(wave.name), machines=ahead, at_least=None, on_failure=rule, canary=True),
        replace(wave, machines=rest, at_least=left),
    ]


def canary_name(wave: str) -> str:
    """What the canary's own wave is called."""
    return f"{wave}-canary"


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
        critical=machine.critical,
        optional=machine.optional,
        replace=_replacement(machine.replace),
        accept_changes=_accepted(machine.accept_changes),
        checks=tuple(
            check.compiled()
            for check in (*plan.verify.checks, *wave.verify.checks, *machine.checks)
            if check.is_for(machine.name, machine.id)
        ),
        prewarm=machine.prewarm,
        selection=_selection(machine),
    )


def _selection(machine: model.Machine) -> Selection | None:
    if machine.tagged is None and machine.in_mgn_wave is None:
        return None
    selection = Selection(tagged=machine.tagged or {}, group=machine.in_mgn_wave)
    return selection if machine.at_most is None else replace(selection, at_most=machine.at_most)


def _replacement(given: model.Replacement | None) -> Replacement | None:
    return Replacement(**given.model_dump()) if given else None


def _accepted(given: model.AcceptedChanges | None) -> AcceptedChanges | None:
    return AcceptedChanges(tuple(given.fields), given.by, given.reason) if given else None


def _expectation(plan: model.ExpectedTarget, wave: model.ExpectedTarget, machine: model.ExpectedTarget) -> Expectation:
    expected = laid_over(laid_over(plan, wave), machine)
    groups = expected.security_groups
    return Expectation(
        instance_type=expected.instance_type,
        subnet=expected.subnet,
        security_groups=None if groups is None else tuple(groups),
        private_ip=expected.private_ip,
        public_ip=expected.public_ip,
        right_sizing=expected.right_sizing,
        boot_mode=expected.boot_mode,
        copy_tags=expected.copy_tags,
        copy_private_ip=expected.copy_private_ip,
    )


def laid_over(below: Overlay, above: Overlay) -> Overlay:
    """`below`, with every key that `above` sets in its place."""
    return below.model_copy(update={key: getattr(above, key) for key in above.model_fields_set})

"""The author's night compiled: one action for each, seconds throughout, and why there is none where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cli.plan import night
from cli.plan.fields import seconds
from cutover.planned_night import Action, Approval, Deed, Night, OnSilence, PlannedStep


def compiled_night(cutover: night.Cutover) -> Night:
    """What the functions read."""
    asked = cutover.approvals
    return Night(
        window=seconds(cutover.window),
        estimate=seconds(cutover.estimate),
        reserve=seconds(cutover.reserve),
        go=_approval(asked.go, asked.go.on_silence),
        users=_approval(asked.users, asked.users.on_silence),
        commit=_approval(asked.commit, asked.commit.on_silence),
        quiesce=_steps(cutover.quiesce),
        no_quiesce=_none(cutover.quiesce),
        zero_loss_wait=seconds(cutover.zero_loss.max_wait),
        power_off=_steps(cutover.power_off),
        no_power_off=_none(cutover.power_off),
        switch=_steps(cutover.switch),
        no_switch=_none(cutover.switch),
        probe=() if isinstance(cutover.probe, night.NoSteps) else _looks(cutover.probe),
        no_probe=_none(cutover.probe),
        soak=seconds(cutover.soak) if cutover.soak else 0,
        hold=seconds(cutover.hold),
        silent=seconds(cutover.silent),
    )


def _approval(given: night.Approval, on_silence: str) -> Approval:
    if given.none is not None:
        return Approval(none=given.none)
    by = tuple(given.by or ())
    return Approval(by, seconds(given.timeout or ""), OnSilence(on_silence), author_may=given.author_may)


def _none(given: Sequence[night.Step] | Sequence[night.Probe] | night.NoSteps) -> str:
    return given.none if isinstance(given, night.NoSteps) else ""


def _steps(given: Sequence[night.Step] | night.NoSteps) -> tuple[PlannedStep, ...]:
    return () if isinstance(given, night.NoSteps) else tuple(_step(each) for each in given)


def _step(step: night.Step) -> PlannedStep:
    undo = step.undo
    return PlannedStep(
        name=step.name,
        do=_action(step),
        timeout=seconds(step.timeout),
        proof=_looks(step.proof or ()),
        undo=_action(undo) if undo and undo.none is None else None,
        undo_proof=_looks(step.undo_proof or ()),
        on_failure=step.on_failure,
        no_undo=(undo.none if undo else None) or "",
    )


def _action(given: night.Action) -> Action:
    if given.ssm is not None:
        return Action(Deed.SSM, given.ssm, dict(given.parameters or {}), tuple(given.nodes or ()))
    if given.lambda_ is not None:
        return Action(Deed.LAMBDA, given.lambda_, dict(given.payload or {}))
    if given.webhook is not None:
        return Action(Deed.WEBHOOK, given.webhook, dict(given.body or {}), secret=given.secret or "")
    if given.manual is not None:
        return Action(Deed.MANUAL, given.manual, who=given.who or "")
    return replace(_look(given), closed=given.closed)


def _looks(given: Sequence[night.Probe]) -> tuple[Action, ...]:
    return tuple(_look(each) for each in given)


def _look(given: night.Probe) -> Action:
    closed = given.closed if isinstance(given, night.Proof) else False
    if given.tcp is not None:
        return Action(Deed.TCP, given.tcp, closed=closed)
    if given.http is not None:
        return Action(Deed.HTTP, given.http, status=given.status, contains=given.contains or "", closed=closed)
    return Action(Deed.AGENTS_SILENT, "")

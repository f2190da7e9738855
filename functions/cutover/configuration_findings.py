"""Launch configurations judged by the plan's rule: what refuses a launch, what is told and let through.

Used before a run begins, alone, and before each launch; nothing here asks or writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from cutover.finding import Finding, Severity
from cutover.launch_configuration import (
    RUNS,
    Change,
    Changes,
    Difference,
    LaunchConfiguration,
    Value,
    differences,
    drift,
    said,
)
from cutover.places import Places
from cutover.plan import AcceptedChanges, Mode, OnDifference, PlannedMachine, Wave
from cutover.records import Proof

CONFIGURATION, DRIFT = "launch_configuration", "configuration_drift"
"""The fields of the findings made here."""

_AS_PLANNED = "the launch configuration is what the plan expects"
_AS_IT_WAS = "a run that ends before the launch leaves the launch configuration as it was"
_LONGEST = 200


def launch_configuration_findings(
    wave: Wave,
    planned: PlannedMachine,
    mode: Mode,
    configuration: LaunchConfiguration | None,
    tested: Proof | None,
    places: Places,
) -> tuple[Finding, ...]:
    """Everything about a machine's launch configuration before its launch, the warnings first; errors refuse it.

    `configuration`: None when the service has not exactly one for the machine. `tested`: the proof of its verified
    test, compared in a cutover.
    """
    if configuration is None:
        return (_unknown(),)
    found = [_difference(each, wave.launch_configuration) for each in _against(planned, mode, configuration, places)]
    if mode is Mode.CUTOVER and tested is not None:
        found += _since_the_test(planned, configuration, tested)
    return tuple(sorted(found, key=lambda each: each.severity is Severity.ERROR))


def corrections(
    wave: Wave, planned: PlannedMachine, mode: Mode, configuration: LaunchConfiguration, places: Places
) -> dict[str, Value]:
    """What is to be set so that the configuration is as planned; empty where the plan does not say so."""
    if wave.launch_configuration is not OnDifference.CORRECT:
        return {}
    return {each.field: each.wanted for each in _against(planned, mode, configuration, places) if not each.problem}


def corrected(before: Changes, configuration: LaunchConfiguration) -> tuple[Finding, ...]:
    """What was set for the launch, one warning for each setting. `before`: what it was."""
    return tuple(
        Finding(
            CONFIGURATION,
            f"{name} was {said(name, was)} and has been set to {said(name, configuration.value(name))}",
            _AS_PLANNED,
            f"nothing once it is launched; without a launch, see that {name} is {said(name, was)} again",
            Severity.WARNING,
        )
        for name, was in configuration.lacks(before).items()
    )


def ignored(written: Changes, configuration: LaunchConfiguration) -> tuple[Finding, ...]:
    """What the service was told and does not show, though it took the request."""
    return tuple(
        Finding(
            CONFIGURATION,
            f"{name} is still {said(name, configuration.value(name))} after {said(name, value)} was set: "
            "the service ignored it",
            _AS_PLANNED,
            f"set {name} by hand in the service's launch settings, or correct the plan",
        )
        for name, value in configuration.lacks(written).items()
    )


def not_taken(written: Changes, words: str) -> Finding:
    """The service refused to be configured like this. `words`: its own."""
    wanted = ", ".join(f"{name} {said(name, value)}" for name, value in written.items())
    return Finding(
        CONFIGURATION,
        f"{wanted} could not be set: {words}",
        _AS_PLANNED,
        "read the service's message; correct the plan",
    )


def put_back(before: Changes) -> Finding:
    """The configuration is as it was before this run."""
    seen = f"set for the launch that did not come, and put back: {_named(before)}"
    return Finding(CONFIGURATION, seen, _AS_IT_WAS, "nothing", Severity.WARNING)


def not_put_back(before: Changes, why: str) -> Finding:
    """The configuration is not as it was before this run, and nobody else will see to it."""
    return Finding(
        CONFIGURATION,
        f"could not be put back ({why}): {_named(before)}",
        _AS_IT_WAS,
        "set it by hand in the service's launch settings",
    )


def unless_about_putting_back(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The others: an earlier try to put a configuration back says nothing any more."""
    return tuple(each for each in findings if each.rule != _AS_IT_WAS)


def _against(
    planned: PlannedMachine, mode: Mode, configuration: LaunchConfiguration, places: Places
) -> tuple[Difference, ...]:
    return differences(configuration, planned.expect[mode], places)


def _difference(found: Difference, rule: OnDifference) -> Finding:
    finding = Finding(
        CONFIGURATION,
        f"{found.field} is {found.seen}",
        f"the plan expects {found.field} {found.expected}",
        f"set {found.field} in the service's launch settings, correct the plan, or let it say "
        "`launch_configuration: {differences: correct}`",
    )
    if found.field == RUNS:
        finding = replace(
            finding, rule="a target runs after its launch; one that stays stopped never passes its checks"
        )
    if found.problem:
        remedy = f"correct the plan's {found.field}, by id where a name is not enough"
        return replace(finding, seen=found.problem, remedy=remedy)
    if rule is OnDifference.CORRECT:
        return replace(finding, remedy="nothing; it is set before the launch", severity=Severity.WARNING)
    if not found.certain:
        remedy = f"nothing; the launched target is compared. To know before, set {found.field} in the launch settings"
        return replace(finding, remedy=remedy, severity=Severity.WARNING)
    return finding


def _since_the_test(planned: PlannedMachine, configuration: LaunchConfiguration, tested: Proof) -> list[Finding]:
    rule = "a cutover launches what was tested"
    if tested.configuration is None:
        seen = f"{tested.run} did not record what it launched"
        remedy = "nothing; a change since that test would not be seen. Test again to have it compared"
        return [Finding(DRIFT, seen, rule, remedy, Severity.WARNING)]
    changes = drift(tested.configuration, configuration.settings(), planned.expect.values())
    return [_drifted(each, rule, tested, planned.accept_changes) for each in changes]


def _drifted(change: Change, rule: str, tested: Proof, accepted: AcceptedChanges | None) -> Finding:
    before, now = _apart(change)
    seen = f"{change.field} was {before} at the tested launch of {tested.run} and is {now}"
    if accepted is not None and change.field in accepted.fields:
        seen = f"{seen}; accepted by {accepted.by}: {accepted.reason}"
        return Finding(DRIFT, seen, rule, "nothing; the acceptance is recorded here", Severity.WARNING)
    remedy = (
        f"set {change.field} back, run a test again, or accept it in the plan: at this machine, "
        f"`accept_changes: {{fields: [{change.field}], by, reason}}`"
    )
    return Finding(DRIFT, seen, rule, remedy)


def _apart(change: Change) -> tuple[str, str]:
    """Before and now in words; of two lists only the entries that are not in both."""
    before, now = _entries(change.before), _entries(change.now)
    if before is None or now is None:
        return _short(change.before), _short(change.now)
    gone, come = ([each for each in one if each not in other] for one, other in ((before, now), (now, before)))
    return _short(json.dumps(gone)), _short(json.dumps(come))


def _entries(text: str) -> list[object] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _short(text: str) -> str:
    return (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…") or "not set"


def _unknown() -> Finding:
    return Finding(
        CONFIGURATION,
        "the service has not exactly one launch configuration for this machine",
        "what will be launched is known before the launch",
        "see the machine's launch settings in the service's console; with several target regions, remove the others",
    )


def _named(before: Mapping[str, Value]) -> str:
    return ", ".join(f"{name} {said(name, value)}" for name, value in before.items())

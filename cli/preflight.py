"""Preflight from where the operator stands: before anything is deployed, with whatever read-only rights there are.

The one part of the command that speaks to the service and to EC2 through the functions' own edge (decision 14).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.deployment import Deployment, NotDeployed
from cutover.errors import NotInitialised, ServiceError, ServiceThrottled, ServiceUnavailable
from cutover.finding import Finding, Severity
from cutover.plan import Mode, Plan
from cutover.preflight import Preflight, findings, situation
from cutover.readiness import Proofs, refusals, remarks
from cutover.selection import SELECTION, chosen
from cutover.selection import remarks as chosen_now
from cutover.surveyed import Lock, Situation

if TYPE_CHECKING:
    from cutover.migration_service import MigrationService
    from cutover.store import Store

NOT_DEPLOYED = (
    "other runs' locks and the tests that this plan has verified were not looked at: no stack is deployed here"
)
_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow"}


@dataclass(frozen=True)
class Looked:
    """What preflight found, and what each launch would delete: an instance by machine. `notes`: what was left out."""

    plan: Plan
    mode: Mode
    preflight: Preflight
    deletes: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[tuple[str, Finding]]:
        """Whom a finding is about, "" for the whole run, and the finding; errors first."""
        found = [("", each) for each in self.preflight.run]
        found += [(label, each) for label, some in self.preflight.machines.items() for each in some]
        return sorted(found, key=lambda line: line[1].severity is not Severity.ERROR)

    def to_json(self) -> dict[str, Any]:
        """{plan, sha256, mode, refused, run: [finding], machines: {label: {would_delete, findings}}, notes}."""
        return {
            "plan": self.plan.name,
            "sha256": self.plan.sha256,
            "mode": self.mode.value,
            "refused": self.preflight.refused,
            "run": [each.to_json() for each in self.preflight.run],
            "machines": {
                label: {"would_delete": self.deletes.get(label), "findings": [each.to_json() for each in some]}
                for label, some in self.preflight.machines.items()
            },
            "notes": list(self.notes),
        }


def cloudendure(plan: Plan, url: str, token: str) -> MigrationService:
    """The service of a plan on CloudEndure. ValueError for an unusable `url`."""
    from cutover.cloudendure import CloudEndure

    return CloudEndure(url, token, plan.project)


def mgn(plan: Plan) -> MigrationService:
    """The service of a plan on MGN, by the usual AWS variables."""
    from cutover.mgn import Mgn

    return Mgn(plan.region, clock=lambda: datetime.now(UTC))


def look(plan: Plan, mode: Mode, service: MigrationService, deployment: Deployment) -> Looked:
    """Everything that can be known about a run of this plan now. What asking again may cure is a CutoverError."""
    from cutover.survey import survey
    from cutover.survey_account import AccountSurvey

    settled = _settled(plan, service)
    if not isinstance(settled, Plan):
        return Looked(plan, mode, Preflight(settled, {}), {})
    selected, plan = plan, settled
    account, store = AccountSurvey(plan.region), _store(deployment)
    if store is None:
        proofs, locks = None, None
    else:
        tests = "tests that this plan has verified"
        proofs = account.looks.at("dynamodb:Query", tests, partial(store.proofs, plan.name))
        read = partial(_locks, deployment.outputs["TableName"], plan.service)

        def locks(machines: Collection[str]) -> list[Lock] | None:
            return account.looks.at("dynamodb:BatchGetItem", "other runs' locks", partial(read, machines))

    seen = survey(plan, mode, service, account, locks=locks)
    now = service.now().at
    about, preflight = situation(plan, mode, now, seen), findings(plan, mode, now, seen)
    machines = {label: (*some, *_gates(about, label, proofs)) for label, some in preflight.machines.items()}
    deletes = {each.label: each.replaces for each in about.placements if each.replaces}
    found = Preflight((*chosen_now(plan), *preflight.run), machines)
    return Looked(selected, mode, found, deletes, () if store else (NOT_DEPLOYED,))


def _settled(plan: Plan, service: MigrationService) -> Plan | tuple[Finding, ...]:
    """The plan with the machines that its selections choose now; what a run would refuse. Where the service shows none,
    the survey will say why."""
    if not plan.selects:
        return plan
    try:
        return chosen(plan, service.grouped())
    except (ServiceUnavailable, ServiceThrottled):
        raise
    except NotInitialised:
        return plan
    except ServiceError as error:
        rule, do = (
            "the service shows all machines and their waves",
            "give the rights to list servers, applications and waves",
        )
        return (Finding(SELECTION, str(error), rule, do),)


def show(looked: Looked, console: Console) -> None:
    """A table on a terminal, plain lines elsewhere, and a last line that says how it stands."""
    if console.is_terminal:
        _tables(looked, console)
    else:
        for label, finding in looked.lines():
            _say(console, f"{finding.severity.value}: {label or 'run'}: {finding}")
        for label, instance in looked.deletes.items():
            _say(console, f"would delete: {label}: {instance}")
    for note in looked.notes:
        _say(console, note)
    found = [finding.severity for _, finding in looked.lines()]
    errors, warnings = found.count(Severity.ERROR), found.count(Severity.WARNING)
    _say(
        console,
        f"{looked.plan.name} {looked.mode.value}: {errors} errors, {warnings} warnings, "
        f"{len(looked.preflight.machines)} machines; nothing was changed",
        style="bold red" if errors else "bold green",
    )


def show_json(looked: Looked, console: Console) -> None:
    """The same for machines."""
    _say(console, json.dumps(looked.to_json(), indent=2))


def _store(deployment: Deployment) -> Store | None:
    """The deployed records; None where there is no stack, or none whose outputs may be read."""
    from botocore.exceptions import BotoCoreError

    from cutover.store import Store

    try:
        outputs = deployment.outputs
        return Store.open(outputs["TableName"], outputs["BucketName"])
    except (NotDeployed, KeyError, BotoCoreError):
        return None


def _locks(table: str, service: str, machines: Collection[str]) -> list[Lock]:
    """The locks on these machines that some run has, by the records of a deployed stack."""
    from cutover import clients
    from cutover.locks import Locks, machine_lock

    held = Locks(clients.table(table), "").holders([machine_lock(service, each) for each in machines])
    named = {machine_lock(service, each): each for each in machines}
    return [Lock(named[name], holder.run, holder.until) for name, holder in held.items()]


def _gates(about: Situation, label: str, proofs: Proofs | None) -> tuple[Finding, ...]:
    """What readiness will refuse whatever preflight says: a recorded cutover, and a test that is missing or too young.

    Without records only the recorded cutover can be judged: that is what a test, which has no gate, is asked.
    """
    placed = {each.label: each for each in about.placements}.get(label)
    if placed is None:
        return ()
    wave = next(wave for wave in about.plan.waves if any(each.label == label for each in wave.machines))
    mode = about.mode if proofs is not None else Mode.TEST
    planned = next(each for each in wave.machines if each.label == label)
    against = refusals(planned, placed.machine, mode, wave, about.now, proofs or {}, placed.replaces)
    return (*against, *remarks(about.mode, wave))


def _tables(looked: Looked, console: Console) -> None:
    table = Table("", "machine", "finding", "seen", "rule", "do", box=box.SIMPLE)
    for label, finding in looked.lines():
        style = _STYLES[finding.severity]
        cells = (label or "run", finding.field, finding.seen, finding.rule, finding.remedy)
        table.add_row(Text(finding.severity.value, style=style), *map(Text, cells))
    if table.row_count:
        console.print(table)
    if looked.deletes:
        deletes = Table("machine", "its launch would delete", box=box.SIMPLE)
        for label, instance in looked.deletes.items():
            deletes.add_row(Text(label), Text(instance))
        console.print(deletes)


def _say(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

"""Look at everything a run depends on, of the service and of the account, by read-only requests alone.

What may not be looked at is noted in the survey, and the look goes on. What asking again may cure is raised:
ServiceUnavailable, ServiceThrottled, AwsUnavailable.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar

from cutover import placement
from cutover.errors import (
    AuthenticationFailed,
    LicenceExpired,
    NotFound,
    NotInitialised,
    PermissionDenied,
    RequestRefused,
    ServiceError,
)
from cutover.machine import Machine
from cutover.migration_service import MigrationService, listed
from cutover.placement import placements
from cutover.plan import Mode, Plan
from cutover.preflight_mgn import QUOTAS
from cutover.preflight_steps import commanded
from cutover.previous import previous_of
from cutover.readiness import resolve
from cutover.survey_account import AccountSurvey
from cutover.surveyed import Lock, Survey, Unseen

_Seen = TypeVar("_Seen")

_MGN = {
    "GET jobs": "mgn:DescribeJobs",
    "GET replicationConfigurations": "mgn:GetReplicationConfiguration",
    "GET replica": "mgn:DescribeSourceServers",
    "GET blueprints": "mgn:GetLaunchConfiguration, ec2:DescribeLaunchTemplateVersions",
}
"""What MGN is asked in place of CloudEndure's requests, as the rights that are needed for it."""

LocksOf = Callable[[Collection[str]], list[Lock] | None]
"""The locks on these machines, by their ids, whoever holds them; None where they may not be read."""


def survey(
    plan: Plan,
    mode: Mode,
    service: MigrationService,
    account: AccountSurvey,
    *,
    machines: Sequence[Machine] | None = None,
    targets: Mapping[str, str] | None = None,
    locks: LocksOf | None = None,
    steps_ahead: bool = True,
) -> Survey:
    """Everything seen for a run of this plan: a few requests to each, and one for each target that is there.

    `machines`: the project's, `targets`: by machine id what their launches would delete, where both were asked for a
    moment ago. `locks`: None where there is no table to ask. `steps_ahead`: whether the steps of the night are still
    to come, all of them.
    """
    planned = [entry for wave in plan.waves for entry in wave.machines]
    try:
        machines = listed(service, planned) if machines is None else machines
    except (AuthenticationFailed, PermissionDenied, NotFound, RequestRefused, LicenceExpired) as error:
        return Survey(
            refused=_words(error),
            licensed=not isinstance(error, LicenceExpired),
            initialised=not isinstance(error, NotInitialised),
        )
    unseen: list[Unseen] = []
    requests = _MGN if plan.service == "mgn" else {}

    def ask(what: str, cloudendures: str, look: Callable[[], _Seen]) -> _Seen | None:
        request = requests.get(cloudendures, cloudendures)
        try:
            return look()
        except (PermissionDenied, NotFound, RequestRefused, LicenceExpired) as error:
            denied = isinstance(error, PermissionDenied)
            unseen.append(Unseen(request, what, "not allowed" if denied else _words(error), denied))
            return None

    jobs = ask("open jobs of the project", "GET jobs", service.jobs)
    licences = ask("licences", "GET licenses", service.licences)
    what = "the staging network and the volumes' key"
    settings = ask(what, "GET replicationConfigurations", service.replication_settings)
    if settings is None and not any(each.what == what for each in unseen):
        request = requests.get("GET replicationConfigurations", "GET replicationConfigurations")
        unseen.append(Unseen(request, what, f"the {plan.place} names none", denied=False))
    found = resolve(planned, machines)
    ours = [each for each in found if isinstance(each, Machine)]
    if targets is None:
        before = "what the launches would delete"
        replicas = {each.id: ask(before, "GET replica", partial(previous_of, service, each)) for each in ours}
        targets = {key: seen.instance_id for key, seen in replicas.items() if seen and seen.instance_id}
    configurations = partial(service.launch_configurations, [each.id for each in ours])
    launched = ask("launch configurations", "GET blueprints", configurations)
    held: list[Lock] | None = None
    if locks is not None:
        held = locks([each.id for each in ours])
    else:
        unseen.append(Unseen("locks", "other runs' locks", "there is no table to read", denied=False))
    configured = None if launched is None else {key: placement.configured(seen) for key, seen in launched.items()}
    placed = placements(plan, mode, found, configured, targets)
    return Survey(
        machines=tuple(machines),
        targets=targets,
        jobs=None if jobs is None else tuple(jobs),
        licences=None if licences is None else tuple(licences),
        replication=settings,
        configured=configured,
        launched=launched,
        locks=None if held is None else tuple(held),
        account=account.look(
            placed,
            settings,
            commanded(plan) if steps_ahead and mode is Mode.CUTOVER else (),
            QUOTAS if plan.service == "mgn" else (),
        ),
        unseen=(*unseen, *account.looks.unseen),
    )


def _words(error: ServiceError) -> str:
    return f"{error.status or 'no answer'}: {error.message or 'no message'}"

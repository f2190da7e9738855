"""Preflight of what the replication service says, and of what it will want to use: keys, profiles, permissions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from cutover.finding import Finding, warning
from cutover.instants import instant, text
from cutover.launch_room import LIMITS
from cutover.placement import Placement
from cutover.replication import SEEN_LIMIT
from cutover.surveyed import Lock, Situation, Unseen
from cutover.terms import Licence, span
from cutover.words import duration, some

_COVERS = "a licence covers the whole run, from now to its last deadline"
_RENEW = "have the licence renewed before the run, or take the machines out of the plan"


def session(seen: Situation) -> Iterator[Finding]:
    """The service lets us in, and has the project."""
    survey = seen.survey
    if survey.refused is None:
        return
    if not survey.licensed:
        yield Finding("licence", survey.refused, "account and project have an active licence", _RENEW)
        return
    if not survey.initialised:
        rule = f"MGN is initialised in the plan's account and region, {seen.plan.region}"
        yield Finding("session", survey.refused, rule, "open its console there once and set it up, or correct the plan")
        return
    if seen.plan.service == "mgn":
        rule, do = "we may list the account's source servers", "allow mgn:DescribeSourceServers, or use another profile"
        yield Finding("session", survey.refused, rule, do)
        return
    yield Finding(
        "session",
        survey.refused,
        "the API token opens a session that may read the plan's project",
        "put a valid token into the secret, or correct the plan's project; a token is made in the service's console",
    )


def licence(seen: Situation) -> Iterator[Finding]:
    """The licences in use reach to the last deadline of the run."""
    licences = seen.survey.licences
    if licences is None:
        return
    if not licences:
        yield warning("licence", "the account lists no licence", _COVERS, "look at the licence in the console")
    for each in _in_use(seen):
        if each.unreadable is not None:
            ask = "look at its end in the console"
            yield warning("licence", f"licence {each.id} ends at {each.unreadable!r}, unreadable", _COVERS, ask)
        if each.expires_at is not None and each.expires_at < seen.ends_by:
            yield Finding("licence", f"licence {each.id} {_end(each.expires_at, seen)}", _COVERS, _RENEW)
        if each.lasts is not None and span(each.lasts) is None:
            said = f"licence {each.id} lasts {each.lasts!r} for a machine, which cannot be counted in days"
            yield warning("licence", said, _COVERS, "see in the console how long each machine may be used")
    unsaid = [each.label for each in seen.placements if each.machine.licence is None or not each.machine.licence.since]
    if unsaid and any(each.lasts for each in licences):
        said = f"the service does not say since when the licence is used by {some(unsaid)}"
        yield warning("licence", said, _COVERS, "see in the console how long each machine may still be used")


def machine_licence(seen: Situation, placement: Placement) -> Iterator[Finding]:
    """The licence lasts long enough for a machine, counted from its first use."""
    use = placement.machine.licence
    if use is None or use.since is None:
        return
    licences = {each.id: each for each in seen.survey.licences or ()}
    applies = licences.get(use.id or "") or (next(iter(licences.values())) if len(licences) == 1 else None)
    lasts = span(applies.lasts) if applies and applies.lasts else None
    if applies is None or lasts is None or use.since + lasts >= seen.ends_by:
        return
    said = f"in use since {text(use.since)} under a licence of {applies.lasts}, which {_end(use.since + lasts, seen)}"
    yield Finding("licence", said, _COVERS, _RENEW)


def agent(seen: Situation, placement: Placement) -> Iterator[Finding]:
    """The agent is installed, and was seen a moment ago."""
    replication = placement.machine.replication
    if replication.agent_installed is False:
        rule, do = "the agent is installed on every machine", "install the agent on this machine again"
        yield Finding("agent", "the agent is not installed", rule, do)
    elif replication.seen_at is not None and seen.now - replication.seen_at > SEEN_LIMIT:
        said = f"the agent was last seen {duration(seen.now - replication.seen_at)} ago"
        rule = f"an agent is seen every {duration(SEEN_LIMIT)}; readiness waits for it"
        yield warning("agent", said, rule, "see that the machine runs and reaches the service on TCP 443")


def disks(seen: Situation, placement: Placement) -> Iterator[Finding]:
    """Every disk is copied."""
    listed = placement.machine.disks
    left = [disk.name for disk in listed if disk.replicated is False]
    rule = "every disk of the source is replicated, or is left out on purpose"
    if not listed:
        yield warning("disks", "the service lists no disk", rule, "look at the machine's disks in the console")
    if left:
        said = f"not replicated: {', '.join(left)}; the target comes up without their data"
        yield warning("disks", said, rule, "add the disks to replication, or make sure that nobody needs them")


def launch_configuration(seen: Situation, placement: Placement) -> Iterator[Finding]:
    """There is one."""
    configured = seen.survey.configured
    if configured is not None and placement.machine.id not in configured:
        rule, do = "every machine has a launch configuration", "open the machine in the console and save one"
        yield Finding("launch_configuration", "the service has none for this machine", rule, do)


def open_jobs(seen: Situation) -> Iterator[Finding]:
    """The project does nothing else now; or, where jobs go on beside each other, nothing with the plan's machines."""
    labels = {each.machine.id: each.label for each in seen.placements}
    one_job = LIMITS[seen.plan.service].one_job
    for job in seen.survey.jobs or ():
        if job.status.ended or not (one_job or job.machines is None or labels.keys() & job.machines):
            continue
        whom = "machines it does not name"
        if job.machines is not None:
            whom = some(sorted(labels.get(each, each) for each in job.machines)) or "no machine"
        by = job.initiated_by or "nobody it names"
        said = f"job {job.id} ({job.kind or 'of no kind'}, {job.status_as_given}) is open for {whom}, started by {by}"
        if job.created_at:
            said += f" at {text(job.created_at)}"
        at_a_time = "one job at a time in a project" if one_job else "a machine is in one job at a time"
        rule = f"{at_a_time}: a launch waits for the one before it"
        yield warning("job", said, rule, "wait for it to end, or ask who started it")


def lock(seen: Situation, placement: Placement) -> Iterator[Finding]:
    """No other run holds the machine."""
    for each in seen.survey.locks or ():
        if each.machine == placement.machine.id and each.owner != seen.run and _holds(each, seen.now):
            rule, do = "a machine is in one active run at most", "wait for that run to end, or abort it"
            yield Finding("lock", f"held by run {each.owner} until {each.until}", rule, do)


def key(seen: Situation) -> Iterator[Finding]:
    """The key that volumes are encrypted with can be used."""
    wanted = seen.survey.replication.key if seen.survey.replication else None
    if wanted is None or wanted not in seen.survey.account.keys:
        return
    state = seen.survey.account.keys[wanted]
    if state != "Enabled":
        said = f"key {wanted} is {state}" if state else f"key {wanted} does not exist in {seen.plan.region}"
        rule = "the key in the project's replication settings is enabled, or no volume of a target can be made"
        yield Finding("key", said, rule, "enable the key, or name another one in the replication settings")


def instance_profiles(seen: Situation) -> Iterator[Finding]:
    """The instance profiles of the launch configurations exist and have a role."""
    users: dict[str, list[str]] = defaultdict(list)
    for each in seen.placements:
        if each.instance_profile in seen.survey.account.profiles:
            users[each.instance_profile or ""].append(each.label)
    for name, labels in users.items():
        has_role = seen.survey.account.profiles[name]
        if not has_role:
            said = (
                f"instance profile {name}, for {some(labels)}, {'does not exist' if has_role is None else 'is empty'}"
            )
            rule = "the instance profile of a launch configuration exists and has a role"
            yield Finding("instance_profile", said, rule, "make it, or name another in the launch configuration")


def permissions(seen: Situation) -> Iterator[Finding]:
    """Everything could be looked at. A line for each permission that is missing; other reasons are told once."""
    alike: dict[tuple[str, str], list[Unseen]] = defaultdict(list)
    for each in seen.survey.unseen:
        alike[(each.action if each.denied else "", each.reason)].append(each)
    for (_, reason), some_ in alike.items():
        actions = ", ".join(dict.fromkeys(each.action for each in some_))
        what = ", ".join(dict.fromkeys(each.what for each in some_))
        do = f"allow {actions}" if some_[0].denied else f"see why {actions} got no answer"
        rule = "what preflight cannot look at is not known to be good"
        yield warning("permission", f"not looked at: {what} ({actions}: {reason})", rule, f"{do}, or look by hand")


def _in_use(seen: Situation) -> list[Licence]:
    """Those that machines of the plan name; where they name none, the one that ends last."""
    licences = seen.survey.licences or ()
    used = {each.machine.licence.id for each in seen.placements if each.machine.licence}
    named = [each for each in licences if each.id in used]
    endless = datetime.max.replace(tzinfo=seen.now.tzinfo)
    return named or sorted(licences, key=lambda each: each.expires_at or endless)[-1:]


def _end(at: datetime, seen: Situation) -> str:
    """Licences ends in words: over, or before the run's last deadline."""
    if at <= seen.now:
        return f"ended at {text(at)}"
    return f"ends at {text(at)}; the run may last until {text(seen.ends_by)}"


def _holds(lock: Lock, now: datetime) -> bool:
    try:
        return instant(lock.until) > now
    except ValueError:
        return True

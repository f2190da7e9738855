"""What a job does to the world at each of its acts: targets made and deleted, in EC2 and in the service's books."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from stage.simulator import jobs
from stage.simulator.clock import rfc3339
from stage.simulator.cloud import CREATION_TAG, MANAGED, Ec2Refused, Made, Wanted
from stage.simulator.jobs import Act
from stage.simulator.spec import LaunchRule
from stage.simulator.state import Job, Machine, Project, Target

if TYPE_CHECKING:
    from stage.simulator.world import World

LIFE = {
    "test": ("lastTestLaunchDateTime", "lastTestLaunchJobId"),
    "cutover": ("lastCutoverDateTime", "lastCutoverJobId"),
}
_PUBLIC_IP = {"ALLOCATE": True, "DONT_ALLOCATE": False}


def perform(world: World, project: Project, job: Job, act: Act, subject: str) -> None:
    """One act of a job's timeline. What EC2 refuses becomes a `Failed …` line in the log, as with the real service.

    Raises Ec2Away before anything is entered in the books: the act can be done again as a whole.
    """
    machine = project.machines.get(subject)
    match act:
        case Act.CLEAN_UP:
            _clean_up(world, project, job, subject)
        case Act.DROP_GROUPS:
            used = {target.group for target in project.targets.values()}
            for group in {target.group for target in job.deleted if target.group} - used:
                world.cloud.delete_group(group)
        case Act.START_CONVERTER:
            line = "Started machine conversions"
            job.converter = _attempt(world, job, act, subject, line, _converter(project, job))
        case Act.STOP_CONVERTER:
            if job.converter:
                world.cloud.terminate(job.converter.id)
        case Act.CREATE_GROUP:
            name = f"CloudEndure {project.name} {job.id[:8]}"
            job.group = world.cloud.create_group(project.network, name)
        case Act.CREATE_TARGET if machine:
            rule = job.participants[machine.id].rule
            line = jobs.finished_creating(machine.name)
            made = _attempt(world, job, act, subject, line, _wanted(project, job, machine, rule, world.now))
            if made:
                running = machine.blueprint["runAfterLaunch"]
                if running:
                    world.cloud.status(made.id, "initializing")
                if rule.commands == "fail":
                    world.cloud.fail_commands(made.id)
                target = settle(world, project, job, machine, made, world.now)
                if running:
                    _foresee(world, project, target, rule)


def settle(world: World, project: Project, job: Job, machine: Machine, made: Made, at: datetime) -> Target:
    """Enter a new target in the books; the one it takes the place of is forgotten."""
    if machine.target:
        project.targets.pop(machine.target.replica, None)
    rule, running = job.participants[machine.id].rule, machine.blueprint["runAfterLaunch"]
    target = Target(
        replica=world.identity.uuid("replica", job.id, machine.id),
        machine=machine.id,
        instance=made.id,
        name=machine.name,
        job=job.id,
        created=at,
        data_at=job.participants[machine.id].stale_since or job.created,
        serves_from=at + rule.serves_after,
        group=job.group,
        state="running" if running else "stopped",
        public_ips=made.public_ips,
        boots_at=at + rule.boot if running else None,
        checks=rule.checks,
    )
    machine.target = project.targets[target.replica] = target
    job.targets.append(target)
    when, by = LIFE[job.mode or "test"]
    machine.life |= {when: rfc3339(at), by: job.id}
    return target


def wanted_before(project: Project, job: Job, machine: Machine, at: datetime) -> Wanted:
    """The instance that a launch before the start must have left."""
    return _wanted(project, job, machine, LaunchRule(), at)


def _clean_up(world: World, project: Project, job: Job, machine_id: str) -> None:
    machine = project.machines.get(machine_id)
    if machine is None or machine.target is None:
        return
    target = machine.target
    try:
        world.cloud.terminate(target.instance)
    except Ec2Refused as refused:
        job.refused[Act.CLEAN_UP, machine_id] = str(refused)
        job.instead[jobs.finished_cleanup(target.instance)] = f"Failed cleanup of instance {target.instance}: {refused}"
    machine.target = None
    project.targets.pop(target.replica, None)
    job.deleted.append(target)


def _attempt(world: World, job: Job, act: Act, subject: str, line: str, wanted: Wanted) -> Made | None:
    """Create it once for this subject of this job of this world, however often it is tried."""
    token = world.identity.uuid("instance", job.id, subject, world.began)
    try:
        return world.cloud.create(replace(wanted, token=token))
    except Ec2Refused as refused:
        job.refused[act, subject] = str(refused)
        words = line.split(" ", 1)[1]
        job.instead[line] = f"Failed {words}: {refused}"
        job.broken = True
        return None


def _converter(project: Project, job: Job) -> Wanted:
    tags = {"Name": f"CloudEndure Machine Converter {job.id[:8]}"}
    if job.target_tags:
        tags = {"Name": "AWS Application Migration Service Conversion Server", MANAGED: "mgn.amazonaws.com"}
    return Wanted(project.network.staging, [], "m5.large", tags)


def _wanted(project: Project, job: Job, machine: Machine, rule: LaunchRule, at: datetime) -> Wanted:
    """The instance that blueprint and launch rule ask for."""
    blueprint: dict[str, Any] = machine.blueprint
    network = project.network
    asked = blueprint["instanceType"]
    groups = [network.groups[group] for group in rule.security_groups or []] or blueprint["securityGroupIDs"]
    private_ip = {
        "CUSTOM_IP": next(iter(blueprint["privateIPs"]), None),
        "COPY_ORIGIN": machine.described.source_ip,
    }.get(blueprint["privateIPAction"])
    return Wanted(
        subnet=network.subnets[rule.subnet] if rule.subnet else next(iter(blueprint["subnetIDs"]), network.staging),
        groups=groups or ([job.group] if job.group else []),
        instance_type=rule.instance_type or (machine.described.instance_type if asked == "COPY_ORIGIN" else asked),
        tags={"Name": machine.name, **(job.target_tags.get(machine.id) or {CREATION_TAG: rfc3339(at)})}
        | {tag["key"]: tag["value"] for tag in blueprint["tags"]},
        private_ip=rule.private_ip or private_ip,
        public_ip=_PUBLIC_IP.get(blueprint["publicIPAction"]),
        running=blueprint["runAfterLaunch"],
    )


def _foresee(world: World, project: Project, target: Target, rule: LaunchRule) -> None:
    """How its status checks come out, and what may become of the target afterwards."""
    if rule.checks != "initializing":
        world.later(target.created + rule.boot, partial(world.cloud.status, target.instance, rule.checks))
    if rule.then:
        world.later(target.created + rule.then.after, partial(_end, world, project, target, rule.then.state))


def _end(world: World, project: Project, target: Target, state: str) -> None:
    target.state = state
    if state == "vanished":  # the machine still names its replica, which is not found any more
        project.targets.pop(target.replica, None)
    try:
        (world.cloud.stop if state == "stopped" else world.cloud.terminate)(target.instance)
    except Ec2Refused:
        return  # gone already, or protected: the machine's own doing

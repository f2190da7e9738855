"""The world as the scenario finds it: projects, machines, and the launches they have behind them."""

from __future__ import annotations

from datetime import timedelta

from stage.simulator import blueprints, effects, jobs, others, scenario, spec
from stage.simulator.clock import Clock, rfc3339
from stage.simulator.cloud import Cloud, Made
from stage.simulator.jobs import Act, Participant
from stage.simulator.lifecycle import Lifecycle
from stage.simulator.spec import LaunchRule
from stage.simulator.state import Machine, Project
from stage.simulator.world import World

_INSTALLED_BEFORE = timedelta(days=21)


def populate(described: scenario.Scenario, clock: Clock, cloud: Cloud) -> World:
    """Build the world. The network is made in EC2 unless it is there; an earlier simulator's targets are kept."""
    world = World(described, clock, cloud)
    left_over = cloud.targets()
    for name, project in described.projects.items():
        made = _project(world, name, project)
        world.projects[made.id] = made
        for mode in ("test", "cutover"):
            _launched_before(world, made, mode, left_over)
        others.agree(made)
    return world


def _project(world: World, name: str, described: scenario.Project) -> Project:
    uuid = world.identity.uuid
    project = Project(uuid("project", name), name, described, world.cloud.network(name, described))
    chosen = described.replication
    project.replication_configuration = {
        "id": uuid("replication configuration", name),
        "region": uuid("region", described.region),
        "cloudCredentials": uuid("credentials"),
        "subnetId": project.network.staging,
        "replicatorSecurityGroupIDs": [project.network.groups[group] for group in chosen.replicator_security_groups],
        "replicationServerType": "Default",
        "converterType": "Default",
        "useDedicatedServer": False,
        "usePrivateIp": chosen.use_private_ip,
        "bandwidthThrottling": 0,
        "replicationTags": [],
    }
    if chosen.volume_encryption_key:
        project.replication_configuration["volumeEncryptionKey"] = chosen.volume_encryption_key
    for machine_name, machine in described.all_machines().items():
        made = _machine(world, project, machine_name, machine)
        project.machines[made.id] = made
    return project


def _machine(world: World, project: Project, name: str, described: spec.Machine) -> Machine:
    uuid = world.identity.uuid
    id = uuid("machine", project.name, name)
    network = project.network
    groups = described.security_groups or project.described.security_groups[:1]
    blueprint = blueprints.default(
        id=uuid("blueprint", project.name, name),
        machine=id,
        region=uuid("region", project.described.region),
        name=name,
        instance_type=described.instance_type,
        subnet=network.subnets[described.subnet or next(iter(network.subnets))],
        groups=[network.groups[group] for group in groups],
        disks=list(described.disks),
    )
    oldest = max(described.tested or timedelta(), described.cut_over or timedelta())
    return Machine(
        id=id,
        name=name,
        described=described,
        blueprint=blueprints.changed(
            blueprint,
            blueprints.with_ids(described.blueprint, network.subnets, network.groups),
            subnets=network.subnets.values(),
            groups=network.groups.values(),
        ),
        phases=described.replication,
        since=world.began,
        beat=timedelta(seconds=world.identity.fraction("beat", name) * 60),
        installed=world.began - (described.licensed_since or oldest + _INSTALLED_BEFORE),
        console_tags=list(described.console_tags),
        lifecycle=Lifecycle(tags=dict(described.mgn.tags), archived=described.mgn.archived),
    )


def _launched_before(world: World, project: Project, mode: str, left_over: dict[str, Made]) -> None:
    """One job for all machines launched in this mode equally long ago; the newest launch's target may still exist."""
    ages: dict[timedelta, list[Machine]] = {}
    for machine in project.machines.values():
        age = machine.described.tested if mode == "test" else machine.described.cut_over
        if age is not None:
            ages.setdefault(age, []).append(machine)
    for age, machines in sorted(ages.items(), reverse=True):
        participants = {
            one.id: Participant(one.id, one.name, tuple(one.described.disks), None, None, LaunchRule())
            for one in machines
        }
        timeline = jobs.launch(list(participants.values()), [], spec.JobRule())
        first = min(at for at, act, _ in timeline.acts if act is Act.CREATE_TARGET)
        launched = world.began - age
        created = launched - first - jobs.PENDING
        user = world.described.account.username
        job = world.new_job(project, mode, created, timeline, participants, user)
        for machine in machines:
            machine.lifecycle.launched(mode, created, job.id)
            if mode == "test":
                machine.lifecycle.ready_for_cutover(launched)
            if machine.described.target and _newest(machine, mode):
                if job.group is None:
                    job.group = world.cloud.create_group(project.network, f"CloudEndure {project.name} {job.id[:8]}")
                made = left_over.get(machine.name) or world.cloud.create(
                    effects.wanted_before(project, job, machine, launched)
                )
                effects.settle(world, project, job, machine, made, launched)
                world.cloud.status(made.id, "ok")
                if machine.described.protected or machine.described.target_tags:
                    world.cloud.keep(made.id, machine.described.target_tags, protected=machine.described.protected)
            else:
                when, by = effects.LIFE[mode]
                machine.life |= {when: rfc3339(launched), by: job.id}


def _newest(machine: Machine, mode: str) -> bool:
    tested, cut_over = machine.described.tested, machine.described.cut_over
    if mode == "cutover":
        return tested is None or cut_over is None or cut_over <= tested
    return cut_over is None or (tested is not None and tested < cut_over)

"""A survey of one project and account to test with: all is well unless a test says otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cutover.finding import Finding, Severity
from cutover.machine import LicenceUse, SourceDisk
from cutover.placement import Configured
from cutover.plan import Expectation, Mode, Plan
from cutover.preflight import Preflight, findings
from cutover.surveyed import Account, Running, SecurityGroup, Subnet, Survey, Volume
from cutover.terms import Licence, ReplicationSettings
from tests.unit.night_of import PLANNED
from tests.unit.records_of import NOW, ago, machine, plan, planned, wave

ANYWHERE = ((0, 65535),)
QUOTAS = {"L-1216C47A": 64.0, "L-D18FCD1D": 50.0, "L-7A658B76": 50.0}


def source(name: str = "db01", **more: Any) -> Any:
    """A replicating machine of 1 TiB whose licence began a month ago."""
    given = {
        "disks": (SourceDisk("/dev/sda", 2**40, True),),
        "licence": LicenceUse("lic", ago(days=30)),
        **more,
    }
    return machine(name, **given)


def configured(**more: Any) -> Configured:
    given: dict[str, Any] = {
        "subnet": "subnet-1",
        "security_groups": ("sg-1",),
        "instance_type": "m5.large",
        "instance_profile": "app",
        "volumes": {"/dev/sda": "gp2"},
        **more,
    }
    return Configured(**given)


def account(**more: Any) -> Account:
    given: dict[str, Any] = {
        "subnets": {
            "subnet-1": Subnet("subnet-1", "prod", "vpc-1", "eu-central-1a", "10.0.0.0/24", 100),
            "subnet-9": Subnet("subnet-9", "staging", "vpc-1", "eu-central-1a", "10.0.9.0/24", 100, True),
        },
        "groups": {
            "sg-1": SecurityGroup("sg-1", "db", "db-group", "vpc-1"),
            "sg-9": SecurityGroup("sg-9", "", "replicators", "vpc-1", ANYWHERE, ANYWHERE),
        },
        "addresses": {},
        "offered": frozenset({("m5.large", "eu-central-1a")}),
        "vcpus": {"m5.large": 2, "p3.2xlarge": 8},
        "instances": {"i-old": Running("i-old", "m5.large", 2, "subnet-1")},
        "volumes": (Volume("vol-old", "gp2", 1024, "i-old"),),
        "quotas": QUOTAS,
        "keys": {"key-1": "Enabled"},
        "profiles": {"app": True},
        **more,
    }
    return Account(**given)


def survey(*machines: Any, **more: Any) -> Survey:
    listed = machines or (source(),)
    given: dict[str, Any] = {
        "machines": listed,
        "targets": {},
        "jobs": (),
        "licences": (Licence("lic", lasts="P90D"),),
        "replication": ReplicationSettings("subnet-9", ("sg-9",), "key-1"),
        "configured": {each.id: configured() for each in listed},
        "locks": (),
        "account": account(),
        **more,
    }
    return Survey(**given)


def of(seen: Survey, a_plan: Plan | None = None, **expected: Any) -> Preflight:
    """The findings about a plan of the surveyed machines, each of which is expected to look alike."""
    names = [each.name for each in seen.machines or ()] or ["db01"]
    one = wave(*(planned(name, expect=Expectation(**expected)) for name in names))
    given = a_plan or plan(one)
    return findings(replace(given, night=given.night or PLANNED), Mode.CUTOVER, NOW, seen, run="ours")


def run(seen: Survey, field: str, **expected: Any) -> list[str]:
    """What is found of the run by this name, as `error: …`."""
    return [_text(each) for each in of(seen, **expected).run if each.field == field]


def own(seen: Survey, field: str, name: str = "db01", **expected: Any) -> list[str]:
    """The same of one machine."""
    return [_text(each) for each in of(seen, **expected).machines[name] if each.field == field]


def but(seen: Survey, **changes: Any) -> Survey:
    """The survey with another account."""
    return replace(seen, account=replace(seen.account, **changes))


def _text(finding: Finding) -> str:
    assert all((finding.seen, finding.rule, finding.remedy))
    assert finding.severity in (Severity.ERROR, Severity.WARNING)
    return f"{finding.severity.value}: {finding.seen}"

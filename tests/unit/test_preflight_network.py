"""Preflight of the network: each check passes, fails, and is quiet about what it could not look at."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from cutover.preflight_network import reserved
from cutover.surveyed import Holder, Running, SecurityGroup, Subnet
from cutover.terms import ReplicationSettings
from tests.unit.survey_of import ANYWHERE, account, but, configured, own, run, source, survey

PROD = account().subnets["subnet-1"]  # type: ignore[index]  # looked at there


def room(free: int):
    return {**(account().subnets or {}), "subnet-1": replace(PROD, free=free)}


def test_a_subnet_is_found_by_its_id_or_its_name() -> None:
    assert run(survey(), "subnet", subnet="prod") == []
    assert run(survey(), "subnet", subnet="subnet-1") == []
    assert run(survey(source(), source("db02")), "subnet", subnet="lost") == [
        "error: no subnet lost in eu-central-1, wanted for db01, db02"
    ]


def test_a_name_of_two_subnets_is_told_unless_the_launch_configuration_says_which() -> None:
    twin = {**room(9), "subnet-2": replace(PROD, id="subnet-2", vpc="vpc-2")}
    assert run(but(survey(), subnets=twin), "subnet", subnet="prod") == []
    unsaid = but(survey(configured={"m-db01": configured(subnet=None)}), subnets=twin)
    assert run(unsaid, "subnet", subnet="prod") == [
        "warning: 2 subnets are called prod, wanted for db01: subnet-1, subnet-2"
    ]


def test_a_target_without_a_subnet_is_told_once_for_all() -> None:
    nowhere = configured(subnet=None)
    seen = survey(source(), source("db02"), configured={"m-db01": nowhere, "m-db02": nowhere})
    assert run(seen, "subnet") == [
        "warning: neither the plan nor its launch configuration names a subnet for db01, db02"
    ]
    assert run(survey(configured=None), "subnet") == []


@pytest.mark.parametrize(("free", "short"), [(2, False), (1, True)])
def test_a_subnet_has_an_address_for_each_new_target(free: int, short: bool) -> None:
    seen = run(but(survey(source(), source("db02")), subnets=room(free)), "subnet")
    told = "error: subnet prod (subnet-1) has 1 free addresses for 2 targets that replace none in it"
    assert seen == ([told] if short else [])


def test_a_target_that_is_replaced_gives_its_address_back() -> None:
    targets = {"m-db01": "i-old"}
    assert run(but(survey(targets=targets), subnets=room(0)), "subnet") == []
    elsewhere = {"i-old": Running("i-old", "m5.large", 2, "subnet-2")}
    assert "error" in run(but(survey(targets=targets), subnets=room(0), instances=elsewhere), "subnet")[0]
    unsure = but(survey(targets=targets), subnets=room(0), instances=None)
    assert run(unsure, "subnet")[0].startswith("warning"), "where the old target lives was not looked at"


@pytest.mark.parametrize("group", ["sg-1", "db", "db-group"])
def test_a_security_group_is_found_by_id_tag_or_group_name(group: str) -> None:
    assert run(survey(), "subnet", security_groups=(group,)) == []


def test_a_security_group_of_another_vpc_or_none_is_refused() -> None:
    assert run(survey(), "subnet", security_groups=("lost",)) == [
        "error: security group lost, wanted for db01 in subnet prod (subnet-1) of vpc-1: it does not exist"
    ]
    foreign = {"sg-2": SecurityGroup("sg-2", "far", "far", "vpc-2")}
    assert run(but(survey(), groups=foreign), "subnet", security_groups=("far",)) == [
        "error: security group far, wanted for db01 in subnet prod (subnet-1) of vpc-1: it is in vpc-2"
    ]
    assert run(but(survey(), groups=None), "subnet", security_groups=("lost",)) == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("10.0.0.4", []),
        ("10.0.0.254", []),
        ("10.0.0.3", ["error: 10.0.0.3 in subnet prod (subnet-1)"]),
        ("10.0.0.0", ["error: 10.0.0.0 in subnet prod (subnet-1)"]),
        ("10.0.0.255", ["error: 10.0.0.255 in subnet prod (subnet-1)"]),
        ("10.0.1.4", ["error: 10.0.1.4 in subnet prod (subnet-1)"]),
        ("10.0.0", ["error: '10.0.0'"]),
    ],
)
def test_an_address_is_one_of_its_subnets_that_may_be_used(wanted: str, said: list[str]) -> None:
    assert own(survey(), "private_ip", private_ip=wanted) == said


def test_five_addresses_of_a_subnet_are_reserved() -> None:
    assert reserved(IPv4Network("10.0.0.0/28")) == {"10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.15"}


def test_an_address_is_free_or_held_by_the_target_that_goes() -> None:
    def held(by: str | None):
        return but(survey(targets={"m-db01": "i-old"}), addresses={("subnet-1", "10.0.0.9"): Holder("eni-1", by)})

    assert own(held("i-old"), "private_ip", private_ip="10.0.0.9") == []
    told = "error: 10.0.0.9 is held by eni-1 of i-other; only i-old goes"
    assert own(held("i-other"), "private_ip", private_ip="10.0.0.9") == [told]
    told = "error: 10.0.0.9 is held by eni-1 of no instance; the launch replaces no target"
    assert own(replace(held(None), targets={}), "private_ip", private_ip="10.0.0.9") == [told]
    elsewhere = but(survey(), addresses={("subnet-2", "10.0.0.9"): Holder("eni-1", "i-other")})
    assert own(elsewhere, "private_ip", private_ip="10.0.0.9") == []


def test_an_address_wanted_twice_is_refused_for_both() -> None:
    seen = survey(source(), source("db02"))
    assert own(seen, "private_ip", private_ip="10.0.0.9") == ["error: 10.0.0.9 is wanted for db02 too"]
    assert own(seen, "private_ip", "db02", private_ip="10.0.0.9") == ["error: 10.0.0.9 is wanted for db01 too"]


def staged(**more: object):
    return survey(replication=ReplicationSettings(**{"subnet": "subnet-9", **more}))  # type: ignore[arg-type]  # as given


def staging(**more: object):
    base = Subnet("subnet-9", "staging", "vpc-1", "eu-central-1a", "10.0.9.0/24", 10, True)
    return {**room(9), "subnet-9": replace(base, **more)}  # type: ignore[arg-type]  # as given


def test_the_staging_subnet_exists_and_has_room() -> None:
    assert run(survey(), "staging_network") == []
    assert run(but(staged(), subnets={"subnet-1": PROD}), "staging_network") == ["error: no subnet subnet-9"]
    full = but(staged(), subnets=staging(free=0))
    assert run(full, "staging_network") == ["error: subnet staging (subnet-9) has no free address"]
    assert run(staged(subnet=None), "staging_network") == [
        "warning: the replication settings name no staging subnet: the service chooses one"
    ]


def test_the_staging_subnet_has_a_way_out_unless_everything_is_private() -> None:
    closed = {"subnets": staging(default_route=False)}
    told = "warning: subnet staging (subnet-9) has no default route, and private addresses are not switched on"
    assert run(but(staged(), **closed), "staging_network") == [told]
    assert run(but(staged(private=True), **closed), "staging_network") == []
    assert run(but(staged(), subnets=staging(default_route=None)), "staging_network") == []


@pytest.mark.parametrize(
    ("inbound", "outbound", "said"),
    [
        (((1500, 1500),), ((443, 443),), []),
        (((22, 22), (1000, 2000)), ANYWHERE, []),
        (((22, 22),), ANYWHERE, ["warning: sg-9 let no TCP 1500 in"]),
        (ANYWHERE, (), ["warning: sg-9 let no TCP 443 out"]),
    ],
)
def test_the_replicators_groups_let_agents_in_and_the_service_be_reached(
    inbound: tuple[tuple[int, int], ...], outbound: tuple[tuple[int, int], ...], said: list[str]
) -> None:
    groups = {**(account().groups or {}), "sg-9": SecurityGroup("sg-9", "", "r", "vpc-1", inbound, outbound)}
    assert run(but(survey(), groups=groups), "staging_network") == said


def test_a_replicators_group_that_is_gone_is_named() -> None:
    seen = staged(security_groups=("sg-9", "sg-lost"))
    assert run(seen, "staging_network") == ["warning: security groups sg-lost of the replication settings do not exist"]

"""Where a launch configuration differs from its overlay, and what has changed since another launch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.launch_configuration import (
    COPY,
    NEW,
    Change,
    Difference,
    LaunchConfiguration,
    canonical,
    differences,
    drift,
    places_named,
)
from cutover.places import Place, Places
from cutover.plan import Expectation

SET = LaunchConfiguration(
    machine="m-1",
    instance_type="m5.large",
    subnet=("subnet-db",),
    security_groups=("sg-db", "sg-all"),
    private_ip="10.0.0.4",
    public_ip=False,
    others={"iamRole": "database"},
)
PLACES = Places(
    subnets={
        "db": (Place("subnet-db", "vpc-1"),),
        "web": (Place("subnet-web", "vpc-1"),),
        "subnet-db": (Place("subnet-db", "vpc-1"),),
        "twice": (Place("subnet-1", "vpc-1"), Place("subnet-2", "vpc-2")),
        "gone": (),
    },
    groups={
        "db": (Place("sg-db", "vpc-1"),),
        "sg-all": (Place("sg-all", "vpc-1"),),
        "default": (Place("sg-1", "vpc-1"), Place("sg-2", "vpc-2")),
        "same": (Place("sg-3", "vpc-1"), Place("sg-4", "vpc-1")),
    },
)


@pytest.mark.parametrize(
    "expect",
    [
        Expectation(),
        Expectation("m5.large", "db", ("sg-all", "db"), "10.0.0.4", False),
        Expectation(subnet="subnet-db"),
    ],
)
def test_what_is_as_expected_is_no_difference(expect: Expectation) -> None:
    assert differences(SET, expect, PLACES) == ()


@pytest.mark.parametrize(
    ("expect", "configured", "difference"),
    [
        (Expectation("t3.large"), {}, Difference("instance_type", "t3.large", "m5.large", "t3.large")),
        (
            Expectation("t3.large"),
            {"instance_type": COPY},
            Difference("instance_type", "t3.large", "copy", "t3.large", certain=False),
        ),
        (
            Expectation("t3.large"),
            {"instance_type": None},
            Difference("instance_type", "t3.large", "not set", "t3.large"),
        ),
        (Expectation(subnet="web"), {}, Difference("subnet", "web", "subnet-db", ("subnet-web",))),
        (Expectation(subnet="db"), {"subnet": ()}, Difference("subnet", "db", "none", ("subnet-db",))),
        (Expectation(subnet="gone"), {}, Difference("subnet", "gone", "subnet-db", problem="EC2 knows no subnet gone")),
        (
            Expectation(subnet="twice"),
            {},
            Difference("subnet", "twice", "subnet-db", problem="2 subnets are called twice: subnet-1, subnet-2"),
        ),
        (
            Expectation(security_groups=("db",)),
            {},
            Difference("security_groups", "db", "sg-all, sg-db", ("sg-db",)),
        ),
        (
            Expectation(subnet="db", security_groups=("default",)),
            {},
            Difference("security_groups", "default", "sg-all, sg-db", ("sg-1",)),
        ),
        (
            Expectation(security_groups=("same", "nobody")),
            {},
            Difference(
                "security_groups",
                "same, nobody",
                "sg-all, sg-db",
                problem="2 security groups are called same: sg-3, sg-4; EC2 knows no security group nobody",
            ),
        ),
        (Expectation(private_ip="10.0.0.5"), {}, Difference("private_ip", "10.0.0.5", "10.0.0.4", "10.0.0.5")),
        (
            Expectation(private_ip="10.0.0.5"),
            {"private_ip": NEW},
            Difference("private_ip", "10.0.0.5", "new", "10.0.0.5"),
        ),
        (
            Expectation(private_ip="10.0.0.5"),
            {"private_ip": COPY},
            Difference("private_ip", "10.0.0.5", "copy", "10.0.0.5", certain=False),
        ),
        (Expectation(public_ip=True), {}, Difference("public_ip", "true", "false", True)),
        (
            Expectation(public_ip=False),
            {"public_ip": None},
            Difference("public_ip", "false", "as the subnet says", False, certain=False),
        ),
        (
            Expectation(),
            {"runs_after_launch": False},
            Difference("runs_after_launch", "true", "false", True),
        ),
    ],
)
def test_a_difference_says_what_is_expected_what_is_seen_and_what_to_set(
    expect: Expectation, configured: dict[str, Any], difference: Difference
) -> None:
    assert differences(replace(SET, **configured), expect, PLACES) == (difference,)


def test_one_of_several_addresses_is_the_one_expected() -> None:
    both = replace(SET, private_ip="10.0.0.4, 10.0.0.5")
    assert differences(both, Expectation(private_ip="10.0.0.5"), PLACES) == ()


def test_drift_is_what_changed_outside_of_the_overlays() -> None:
    now = replace(SET, instance_type="t3.large", others={"tenancy": "DEDICATED"})
    changes = drift(SET.settings(), now.settings(), [Expectation("t3.large"), Expectation()])
    assert changes == (Change("iamRole", "database", ""), Change("tenancy", "", "DEDICATED"))


def test_a_field_that_no_overlay_speaks_of_may_not_change_either() -> None:
    now = replace(SET, subnet=("subnet-web",))
    assert drift(SET.settings(), now.settings(), [Expectation("m5.large")]) == (
        Change("subnet", "subnet-db", "subnet-web"),
    )


def test_the_order_of_ids_keys_and_entries_means_nothing() -> None:
    turned = replace(SET, security_groups=("sg-all", "sg-db"))
    assert drift(SET.settings(), turned.settings(), []) == ()
    assert SET.lacks({"security_groups": ("sg-all", "sg-db"), "public_ip": True}) == {"public_ip": True}
    assert (
        canonical([{"b": 1, "a": 2}, {"a": 0}]) == canonical([{"a": 0}, {"a": 2, "b": 1}]) == '[{"a":0},{"a":2,"b":1}]'
    )


def test_ec2_is_asked_about_what_the_overlays_name_and_about_the_network_of_groups() -> None:
    assert places_named([Expectation("m5.large", public_ip=True)], [SET]) == (set(), set())
    assert places_named([Expectation(subnet="db")], [SET]) == ({"db"}, set())
    assert places_named([Expectation(security_groups=("db",))], [SET]) == ({"subnet-db"}, {"db"})

"""Blueprints read and written: what each action means, what is cleared, and what is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from cutover.cloudendure_blueprints import changed, configuration
from cutover.launch_configuration import COPY, NEW, Changes, LaunchConfiguration

BLUEPRINT: dict[str, Any] = {
    "id": "b-1",
    "machineId": "m-1",
    "region": "r-1",
    "instanceType": "t3.large",
    "recommendedInstanceType": "t3.small",
    "securityGroupIDs": ["sg-1"],
    "subnetIDs": ["subnet-1"],
    "privateIPAction": "CUSTOM_IP",
    "privateIPs": ["10.0.0.4"],
    "publicIPAction": "DONT_ALLOCATE",
    "staticIpAction": "DONT_CREATE",
    "staticIp": "",
    "iamRole": "web",
    "placementGroup": None,
    "byolOnDedicatedInstance": False,
    "runAfterLaunch": True,
    "tags": [{"key": "b", "value": "2"}, {"key": "a", "value": "1"}],
    "disks": [{"name": "/dev/sda", "type": "SSD"}, {"name": "/dev/sdb", "type": "GP3", "iops": 3000}],
}


def read(**fields: Any) -> LaunchConfiguration:
    found = configuration(BLUEPRINT | fields)
    assert found is not None
    return found


def test_a_blueprint_is_read_in_our_words() -> None:
    assert read() == LaunchConfiguration(
        machine="m-1",
        instance_type="t3.large",
        subnet=("subnet-1",),
        security_groups=("sg-1",),
        private_ip="10.0.0.4",
        public_ip=False,
        others={
            "region": "r-1",
            "iamRole": "web",
            "staticIpAction": "DONT_CREATE",
            "tags": '[{"key":"a","value":"1"},{"key":"b","value":"2"}]',
            "disks": '[{"iops":3000,"name":"/dev/sdb","type":"GP3"},{"name":"/dev/sda","type":"SSD"}]',
        },
        instance_profile="web",
        volumes={"/dev/sda": "gp2", "/dev/sdb": "gp3"},
    )


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"instanceType": "COPY_ORIGIN"}, "instance_type", COPY),
        ({"instanceType": ""}, "instance_type", None),
        ({"privateIPAction": "CREATE_NEW"}, "private_ip", NEW),
        ({"privateIPAction": "COPY_ORIGIN"}, "private_ip", COPY),
        ({"privateIPAction": "USE_NETWORK_INTERFACE"}, "private_ip", "USE_NETWORK_INTERFACE"),
        ({"privateIPs": ["10.0.0.4", "10.0.0.5"]}, "private_ip", "10.0.0.4, 10.0.0.5"),
        ({"privateIPs": []}, "private_ip", None),
        ({"privateIPAction": None}, "private_ip", None),
        ({"publicIPAction": "ALLOCATE"}, "public_ip", True),
        ({"publicIPAction": "AS_SUBNET"}, "public_ip", None),
        ({"publicIPAction": None}, "public_ip", None),
        ({"runAfterLaunch": False}, "runs_after_launch", False),
        ({"runAfterLaunch": None}, "runs_after_launch", True),
        ({"subnetIDs": None}, "subnet", ()),
        ({"securityGroupIDs": ["sg-1", "", 7, "sg-2"]}, "security_groups", ("sg-1", "sg-2")),
    ],
)
def test_each_action_has_its_word(fields: dict[str, Any], name: str, value: Any) -> None:
    assert read(**fields).value(name) == value


@pytest.mark.parametrize("empty", [None, "", [], False])
def test_what_is_omitted_null_empty_or_false_is_the_same_setting(empty: Any) -> None:
    assert read(iamRole=empty).others == {key: value for key, value in read().others.items() if key != "iamRole"}


def test_an_address_counts_only_where_it_is_used() -> None:
    assert "staticIp" not in read(staticIp="3.4.5.6").others
    assert read(staticIp="3.4.5.6", staticIpAction="EXISTING").others["staticIp"] == "3.4.5.6"


def test_a_blueprint_of_no_machine_is_nobodys() -> None:
    assert configuration({"id": "b-1"}) is None


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"instance_type": "m5.large"}, {"instanceType": "m5.large"}),
        ({"instance_type": COPY}, {"instanceType": "COPY_ORIGIN"}),
        ({"subnet": ("subnet-2",)}, {"subnetIDs": ["subnet-2"]}),
        ({"security_groups": ("sg-2", "sg-3")}, {"securityGroupIDs": ["sg-2", "sg-3"]}),
        ({"private_ip": "10.0.0.9"}, {"privateIPAction": "CUSTOM_IP", "privateIPs": ["10.0.0.9"]}),
        ({"private_ip": NEW}, {"privateIPAction": "CREATE_NEW", "privateIPs": []}),
        ({"private_ip": COPY}, {"privateIPAction": "COPY_ORIGIN", "privateIPs": []}),
        (
            {"private_ip": "USE_NETWORK_INTERFACE"},
            {"privateIPAction": "USE_NETWORK_INTERFACE", "privateIPs": []},
        ),
        ({"private_ip": None}, {}),
        ({"public_ip": True}, {"publicIPAction": "ALLOCATE"}),
        ({"public_ip": None}, {"publicIPAction": "AS_SUBNET"}),
        ({"runs_after_launch": True}, {"runAfterLaunch": True}),
    ],
)
def test_a_change_is_sent_with_the_whole_blueprint_and_touches_nothing_else(
    changes: Changes, fields: dict[str, Any]
) -> None:
    assert changed(BLUEPRINT, changes) == BLUEPRINT | fields


@pytest.mark.parametrize("name", ["instance_type", "subnet", "private_ip", "public_ip", "runs_after_launch"])
def test_what_was_read_can_be_written_back(name: str) -> None:
    other: Changes = {"instance_type": "m5.large", "subnet": ("subnet-2",), "private_ip": NEW, "public_ip": True}
    away = changed(BLUEPRINT, {name: other.get(name, False)})
    assert changed(away, {name: read().value(name)}) == BLUEPRINT


def test_a_static_address_that_is_not_used_is_cleared() -> None:
    assert changed(BLUEPRINT | {"staticIp": "3.4.5.6"}, {})["staticIp"] == ""
    used = BLUEPRINT | {"staticIp": "3.4.5.6", "staticIpAction": "EXISTING"}
    assert changed(used, {})["staticIp"] == "3.4.5.6"


def test_the_subnet_comes_before_the_groups() -> None:
    keys = list(changed(BLUEPRINT, {"security_groups": ("sg-2",), "subnet": ("subnet-2",)}))
    assert keys.index("subnetIDs") < keys.index("securityGroupIDs")


@pytest.mark.parametrize("changes", [{"subnet": None}, {"tags": "x"}, {"runs_after_launch": "yes"}])
def test_what_a_blueprint_has_no_word_for_is_not_sent(changes: Any) -> None:
    with pytest.raises(ValueError, match="a blueprint cannot be told"):
        changed(BLUEPRINT, changes)

"""By the plan's rule, what a launch configuration refuses, and what is told and let through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cutover.configuration_findings import (
    corrected,
    corrections,
    ignored,
    launch_configuration_findings,
    not_put_back,
    put_back,
    unless_about_putting_back,
)
from cutover.finding import Finding, Severity
from cutover.launch_configuration import COPY, LaunchConfiguration
from cutover.places import Places
from cutover.plan import AcceptedChanges, Expectation, Mode, OnDifference
from cutover.records import Proof
from tests.unit.records_of import planned, wave

SET = LaunchConfiguration("m-1", "t3.large", public_ip=False, others={"tags": '[{"key":"a"},{"key":"b"}]'})
LARGE = planned(expect=Expectation("m5.large"))
REFUSES, CORRECTS = wave(LARGE), wave(LARGE, launch_configuration=OnDifference.CORRECT)
TESTED = Proof("m-1", Mode.TEST, "demo-test-1", "i-1", "2026-11-01T00:00:00Z", configuration=SET.settings())
NOWHERE = Places()


def severities(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(each.field, each.severity.value) for each in findings]


def test_a_difference_refuses_unless_it_may_be_corrected() -> None:
    (refused,) = launch_configuration_findings(REFUSES, LARGE, Mode.TEST, SET, None, NOWHERE)
    (told,) = launch_configuration_findings(CORRECTS, LARGE, Mode.TEST, SET, None, NOWHERE)

    assert (refused.seen, refused.severity) == ("instance_type is t3.large", Severity.ERROR)
    assert refused.rule == "the plan expects instance_type m5.large"
    assert (told.seen, told.severity) == (refused.seen, Severity.WARNING)
    assert told.remedy == "nothing; it is set before the launch"
    assert corrections(REFUSES, LARGE, Mode.TEST, SET, NOWHERE) == {}
    assert corrections(CORRECTS, LARGE, Mode.TEST, SET, NOWHERE) == {"instance_type": "m5.large"}


def test_what_only_the_launch_will_tell_is_a_warning_and_is_set_where_it_may_be() -> None:
    copied = replace(SET, instance_type=COPY)
    (finding,) = launch_configuration_findings(REFUSES, LARGE, Mode.TEST, copied, None, NOWHERE)

    assert finding.severity is Severity.WARNING
    assert corrections(CORRECTS, LARGE, Mode.TEST, copied, NOWHERE) == {"instance_type": "m5.large"}


@pytest.mark.parametrize("rule", OnDifference)
def test_a_name_that_nobody_can_place_refuses_whatever_the_rule(rule: OnDifference) -> None:
    somewhere = planned(expect=Expectation(subnet="nowhere"))
    asked = wave(somewhere, launch_configuration=rule)
    (finding,) = launch_configuration_findings(asked, somewhere, Mode.TEST, SET, None, NOWHERE)

    assert (finding.seen, finding.severity) == ("EC2 knows no subnet nowhere", Severity.ERROR)
    assert corrections(asked, somewhere, Mode.TEST, SET, NOWHERE) == {}


def test_a_machine_without_a_single_configuration_is_refused() -> None:
    (finding,) = launch_configuration_findings(CORRECTS, LARGE, Mode.TEST, None, None, NOWHERE)
    assert (finding.field, finding.severity) == ("launch_configuration", Severity.ERROR)


def test_a_change_since_the_test_is_a_matter_of_cutovers_only() -> None:
    entry = planned()
    now = replace(SET, others={"tags": '[{"key":"b"},{"key":"c"}]'})
    assert launch_configuration_findings(wave(), entry, Mode.TEST, now, TESTED, NOWHERE) == ()
    assert launch_configuration_findings(wave(), entry, Mode.CUTOVER, now, None, NOWHERE) == ()
    (finding,) = launch_configuration_findings(wave(), entry, Mode.CUTOVER, now, TESTED, NOWHERE)
    assert (finding.field, finding.severity) == ("configuration_drift", Severity.ERROR)
    assert finding.seen == 'tags was [{"key": "a"}] at the tested launch of demo-test-1 and is [{"key": "c"}]'
    assert "fields: [tags]" in finding.remedy


@pytest.mark.parametrize(
    ("fields", "severity"), [(("tags",), "warning"), (("iamRole", "tags"), "warning"), (("iamRole",), "error")]
)
def test_a_change_is_accepted_by_its_name(fields: tuple[str, ...], severity: str) -> None:
    accepted = AcceptedChanges(fields, "lead@example.com", "agreed on Monday")
    entry = replace(planned(), accept_changes=accepted)
    now = replace(SET, others={})
    (finding,) = launch_configuration_findings(wave(), entry, Mode.CUTOVER, now, TESTED, NOWHERE)

    assert finding.severity == severity
    assert ("accepted by lead@example.com: agreed on Monday" in finding.seen) == (severity == "warning")


def test_a_test_without_a_recorded_configuration_is_told() -> None:
    old = TESTED.but(configuration=None)
    (finding,) = launch_configuration_findings(wave(), planned(), Mode.CUTOVER, SET, old, NOWHERE)
    assert severities((finding,)) == [("configuration_drift", "warning")]


def test_errors_come_last_where_a_summary_looks_for_the_reason() -> None:
    both = planned(expect=Expectation("m5.large", public_ip=True))
    unsure = replace(SET, public_ip=None)
    found = launch_configuration_findings(wave(both), both, Mode.TEST, unsure, None, NOWHERE)
    assert [each.severity.value for each in found] == ["warning", "error"]


def test_what_was_set_is_told_as_long_as_it_is_set() -> None:
    (finding,) = corrected({"instance_type": "m5.large", "public_ip": False}, SET)
    assert finding.seen == "instance_type was m5.large and has been set to t3.large"
    assert "see that instance_type is m5.large again" in finding.remedy


def test_what_the_service_ignored_is_an_error() -> None:
    assert ignored({"instance_type": "t3.large"}, SET) == ()
    (finding,) = ignored({"instance_type": "m5.large"}, SET)
    assert finding.severity is Severity.ERROR
    assert finding.seen == "instance_type is still t3.large after m5.large was set: the service ignored it"


def test_a_later_try_to_put_back_takes_the_place_of_an_earlier_one() -> None:
    other = Finding("wave", "a", "b", "c")
    assert unless_about_putting_back([other, put_back({"public_ip": None}), not_put_back({}, "why")]) == (other,)
    assert put_back({"public_ip": None}).seen.endswith("put back: public_ip as the subnet says")

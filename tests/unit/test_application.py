"""Which checks of the application a machine has, how they are put to it, and when a command is sent again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cutover.application import (
    LONGEST_PAUSE,
    TRIES,
    as_check,
    dialled,
    followed,
    may_send,
    reader,
    under_way,
    wanted,
    with_command,
)
from cutover.instants import text
from cutover.plan import ApplicationCheck, Look, PlannedMachine
from cutover.records import GuestCommand
from tests.unit.records_of import NOW

ANY = ApplicationCheck("port", Look.TCP, "5432")
LINUX = ApplicationCheck("mounts", Look.SSM, "mounts", os="linux", timeout=600)
WINDOWS = ApplicationCheck("trust", Look.SSM, "trust", os="windows", timeout=600)
PAGE = ApplicationCheck("page", Look.HTTP, "http://{ip}:8080/health?of={ip}", status=204, contains="ready", timeout=5)


def planned(*checks: ApplicationCheck) -> PlannedMachine:
    return PlannedMachine("db01", None, {}, checks=checks)


def test_a_machine_has_the_checks_that_are_for_its_operating_system() -> None:
    everything = planned(ANY, LINUX, WINDOWS)
    assert wanted(everything, "linux").checks == (ANY, LINUX)
    assert wanted(everything, "windows").checks == (ANY, WINDOWS)
    assert wanted(everything, "linux").not_made == ()


def test_what_is_for_a_system_is_named_as_not_made_where_nobody_knows_the_system() -> None:
    unclear = wanted(planned(ANY, LINUX, WINDOWS), "")
    assert unclear.checks == (ANY,)
    assert [each.split(":")[0] for each in unclear.not_made] == ["mounts", "trust"]


@pytest.mark.parametrize("checks", [(), (WINDOWS,)])
def test_a_machine_without_a_check_is_said_to_have_none(checks: tuple[ApplicationCheck, ...]) -> None:
    assert wanted(planned(*checks), "linux").not_made == (
        "the application: the plan has no check of it for this machine",
    )


def test_checks_are_dialled_at_the_targets_address() -> None:
    assert dialled(ANY, "10.0.0.4") == {"kind": "tcp", "host": "10.0.0.4", "port": 5432, "timeout": 10}
    assert dialled(PAGE, "10.0.0.4") == {
        "kind": "http",
        "url": "http://10.0.0.4:8080/health?of=10.0.0.4",
        "status": 204,
        "contains": "ready",
        "timeout": 5,
    }


def test_a_check_of_the_application_is_told_apart_and_says_what_it_expected() -> None:
    check = as_check(PAGE, None, "nothing yet")
    assert (check.name, check.of_application) == ("application: page", True)
    assert check.expected == "http://{ip}:8080/health?of={ip} answers 204 with 'ready'"


def sent(seconds_ago: int, **more: object) -> GuestCommand:
    given = {"name": "trust", "command": "c-1", "sent": text(NOW - timedelta(seconds=seconds_ago)), "tries": 1, **more}
    return GuestCommand.from_json(given)


def test_a_command_is_sent_once_and_then_followed() -> None:
    assert may_send(under_way("trust", ()), NOW)
    assert not may_send(sent(1000), NOW)
    assert not may_send(sent(1000, command=None, passed=True), NOW)


@pytest.mark.parametrize(("tries", "pause"), [(1, 30), (2, 60), (4, 240), (5, LONGEST_PAUSE), (9, LONGEST_PAUSE)])
def test_a_command_that_failed_is_sent_again_after_longer_and_longer_pauses(tries: int, pause: int) -> None:
    assert not may_send(sent(pause - 1, command=None, tries=tries), NOW)
    assert may_send(sent(pause, command=None, tries=tries), NOW)


def test_a_command_is_not_sent_for_ever() -> None:
    assert not may_send(sent(10**6, command=None, tries=TRIES), NOW)


def test_what_became_of_a_command() -> None:
    assert followed(sent(10), True, "ok", NOW, 600).passed
    pending = followed(sent(599), None, "InProgress", NOW, 600)
    assert (pending.command, pending.passed) == ("c-1", False)
    failed = followed(sent(10), False, "Failed", NOW, 600)
    assert (failed.command, failed.passed, failed.words) == (None, False, "Failed (try 1)")


def test_a_command_that_takes_too_long_has_failed_this_time() -> None:
    late = followed(sent(600), None, "InProgress", NOW, 600)
    assert late.command is None
    assert "not done within 600 seconds" in late.words


def test_commands_are_kept_by_their_check() -> None:
    one, other = GuestCommand("a"), GuestCommand("b")
    assert with_command((one, other), one.but(tries=2)) == (other, one.but(tries=2))
    assert under_way("b", (one, other)) is other


def test_volumes_are_read_by_what_the_system_has() -> None:
    assert reader("linux")[0] == "AWS-RunShellScript"  # type: ignore[index]  # it is there
    assert reader("windows")[0] == "AWS-RunPowerShellScript"  # type: ignore[index]  # it is there
    assert reader("") is None

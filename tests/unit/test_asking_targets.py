"""What targets are asked, when, and what is made of the answers."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from cutover.application import NOT_YET, PREWARM
from cutover.asking_targets import AT_ONCE, Asking, Probe
from cutover.guest import Command, CommandState
from cutover.plan import ApplicationCheck, Look, PlannedMachine
from cutover.records import Check, MachineRecord, MachineStatus
from cutover.verification import Sight
from tests.unit.records_of import NOW, instance, machine, record
from tests.unit.test_verification import sight as a_sight

PORT = ApplicationCheck("port", Look.TCP, "5432")
PAGE = ApplicationCheck("page", Look.HTTP, "http://{ip}/health")
TRUST = ApplicationCheck("trust", Look.SSM, "trust", {"site": ["fra"]}, timeout=600)


class Lambda:
    """The probe as Lambda has it; `answers` by what is dialled."""

    def __init__(self, **answers: bool | None) -> None:
        self.answers, self.asked = answers, list[list[dict[str, Any]]]()
        self.fails: Exception | None = None
        self.error = False

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        checks = json.loads(Payload)["checks"]
        self.asked.append(checks)
        if self.fails:
            raise self.fails
        if self.error:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "out of memory"}')}
        results = [{"passed": self.answers.get(each["kind"], True), "seen": f"{each['kind']} seen"} for each in checks]
        return {"Payload": io.BytesIO(json.dumps({"results": results}).encode())}


class Ssm:
    """Systems Manager: what becomes of commands, and those that were sent."""

    def __init__(self, state: CommandState = CommandState.PENDING) -> None:
        self.state, self.sent, self.refuses = state, list[tuple[Any, ...]](), False
        self.fails: Exception | None = None

    def send(self, document: str, parameters: Any, nodes: Any, comment: str) -> str:
        if self.refuses:
            raise ClientError({"Error": {"Code": "InvalidInstanceId", "Message": "not registered"}}, "SendCommand")
        self.sent.append((document, dict(parameters), list(nodes), comment))
        if self.fails:
            raise self.fails
        return f"c-{len(self.sent)}"

    def status(self, command: str, nodes: Any) -> Command:
        return Command(self.state, f"{nodes[0]} {self.state}")


def asked(
    sights: list[Sight],
    *checks: ApplicationCheck,
    probe: Lambda | None = None,
    ssm: Ssm | None = None,
    later: int = 0,
    prewarm: bool = False,
) -> list[Sight]:
    planned = [PlannedMachine("db01", None, {}, checks=checks, prewarm=prewarm)]
    looker = Probe("arn", "outside of any VPC", probe or Lambda())  # type: ignore[arg-type]  # a stand-in
    now = NOW + timedelta(seconds=later)
    return Asking(planned, looker, ssm or Ssm(), now, "run-1").seen(sights)  # type: ignore[arg-type]  # likewise


def one(sight: Sight | None = None, *checks: ApplicationCheck, **more: Any) -> Sight:
    return asked([sight or a_sight()], *checks, **more)[0]


def passed(sight: Sight) -> dict[str, bool | None]:
    return {check.name.removeprefix("application: "): check.passed for check in sight.application}


def test_a_target_that_is_up_is_looked_at_by_its_private_address_all_at_once() -> None:
    probe = Lambda(tcp=True, http=False)
    seen = one(None, PORT, PAGE, probe=probe)
    assert passed(seen) == {"port": True, "page": None}, "what does not pass yet is pending"
    assert [[each.get("host") or each["url"] for each in some] for some in probe.asked] == [
        ["10.0.0.4", "http://10.0.0.4/health"]
    ]


def test_from_where_it_was_looked_is_said_where_nothing_was_seen() -> None:
    port, page = one(None, PORT, PAGE, probe=Lambda(tcp=True, http=False)).application
    assert (port.seen, page.seen) == ("tcp seen", "http seen; looked from outside of any VPC")


@pytest.mark.parametrize(
    "down",
    [
        a_sight(instance=instance(instance_status="initializing")),
        a_sight(instance=None),
        a_sight(record=record(replica_job="j-of-somebody-else")),
        a_sight(instance=instance(state="stopped")),
    ],
)
def test_a_target_that_is_not_up_or_not_ours_is_not_asked(down: Sight) -> None:
    probe, ssm = Lambda(), Ssm()
    seen = one(down, PORT, TRUST, probe=probe, ssm=ssm, prewarm=True)
    assert not probe.asked
    assert not ssm.sent
    assert [check.seen for check in seen.application] == [NOT_YET, NOT_YET]


def test_a_machine_that_is_judged_is_not_asked_again_and_keeps_what_was_seen() -> None:
    known = Check("application: port", "", "it answered", True)
    probe = Lambda()
    done = a_sight(record=record(status=MachineStatus.VERIFIED, checks=(known,)))
    assert one(done, PORT, probe=probe).application == (known,)
    assert not probe.asked


@pytest.mark.parametrize("how", ["raises", "fails"])
def test_a_probe_that_cannot_be_asked_decides_nothing(how: str) -> None:
    probe = Lambda()
    probe.error = how == "fails"
    if how == "raises":
        probe.fails = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Invoke")
    (check,) = one(None, PORT, probe=probe).application
    assert check.passed is None
    assert "the probe" in check.seen


def test_many_looks_are_put_in_as_many_calls_as_it_takes() -> None:
    probe = Lambda()
    looker = Probe("arn", "here", probe)  # type: ignore[arg-type]  # a stand-in
    answers = looker.look([{"kind": "tcp", "host": str(number)} for number in range(AT_ONCE + 1)])
    assert [len(some) for some in probe.asked] == [AT_ONCE, 1]
    assert len(answers) == AT_ONCE + 1


def test_a_command_is_sent_once_followed_and_remembered() -> None:
    ssm = Ssm()
    first = one(None, TRUST, ssm=ssm)
    assert ssm.sent == [("trust", {"site": ["fra"]}, ["i-new"], "run-1 trust")]
    assert passed(first) == {"trust": None}
    record = MachineRecord.from_json(first.record.to_json())
    assert [(each.command, each.tries) for each in record.commands] == [("c-1", 1)]
    ssm.state = CommandState.PASSED
    second = one(replace(a_sight(), record=record), TRUST, ssm=ssm, later=30)
    assert passed(second) == {"trust": True}
    assert len(ssm.sent) == 1


def test_a_command_that_failed_is_sent_again_a_while_later_and_counts_on() -> None:
    ssm = Ssm(CommandState.FAILED)
    seen = one(None, TRUST, ssm=ssm)
    for later, sent in ((10, 1), (30, 2), (60, 2), (91, 3)):
        seen = one(replace(a_sight(), record=seen.record), TRUST, ssm=ssm, later=later)
        assert len(ssm.sent) == sent, later
    assert seen.record.commands[0].tries == 3


def test_a_machine_that_systems_manager_does_not_know_yet_is_no_try() -> None:
    ssm = Ssm()
    ssm.refuses = True
    seen = one(None, TRUST, ssm=ssm)
    (check,) = seen.application
    assert check.passed is None
    assert "not registered" in check.seen
    ssm.refuses = False
    again = one(replace(a_sight(), record=seen.record), TRUST, ssm=ssm, later=1)
    assert again.record.commands[0].tries == 1


BROKE_OFF: Any = {"Error": {"Code": "InternalServerError", "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 500}}


@pytest.mark.parametrize(
    "error", [ClientError(BROKE_OFF, "SendCommand"), ReadTimeoutError(endpoint_url="https://ssm.example")]
)
def test_a_command_that_was_not_answered_may_have_been_sent_and_is_not_sent_again_at_once(error: Exception) -> None:
    ssm = Ssm(CommandState.PASSED)
    ssm.fails = error
    linux = a_sight(machine=machine(replica="r-new", os="Ubuntu 20.04"))
    seen = one(linux, TRUST, ssm=ssm, prewarm=True)
    (check,) = seen.application
    assert check.passed is None
    assert "nobody knows whether trust was sent" in check.seen
    assert len(ssm.sent) == 2, "the check's, and the reading of the volumes"
    ssm.fails = None
    for later, sent in ((10, 2), (31, 3), (91, 3)):
        seen = one(replace(linux, record=seen.record), TRUST, ssm=ssm, prewarm=True, later=later)
        assert len(ssm.sent) == sent, later
    assert passed(seen) == {"trust": True}
    assert ssm.sent[-1][0] == "trust", "volumes are read through once, though nobody knows whether that was sent"


def test_volumes_are_read_through_once_and_nobody_waits_for_it() -> None:
    ssm = Ssm()
    windows = machine(replica="r-new", os="Microsoft Windows Server 2019")
    seen = one(a_sight(machine=windows), ssm=ssm, prewarm=True)
    one(a_sight(machine=windows, record=seen.record), ssm=ssm, prewarm=True, later=900)
    assert [document for document, *_ in ssm.sent] == ["AWS-RunPowerShellScript"]
    assert [each.name for each in seen.record.commands] == [PREWARM]
    unclear = one(a_sight(machine=machine(replica="r-new")), ssm=ssm, prewarm=True)
    assert "nobody says" in unclear.record.commands[0].words

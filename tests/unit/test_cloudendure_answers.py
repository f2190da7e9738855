"""What CloudEndure may answer, read into our words; nothing it may answer breaks the reading."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover import cloudendure_answers, reading
from cutover.machine import JobStatus
from tests.unit.cloudendure_of import NOW


@pytest.mark.parametrize(
    ("given", "instant"),
    [
        ("2026-11-28T22:00:00Z", NOW),
        ("2026-11-28T22:00:00+00:00", NOW),
        ("2026-11-28T23:00:00.0+01:00", NOW),
        ("2026-11-28T22:00:00.5Z", NOW + timedelta(milliseconds=500)),
        ("2026-11-28T22:00:00.123456789Z", NOW + timedelta(microseconds=123456)),
        (" 2026-11-28T22:00:00Z ", NOW),
        ("2026-11-28T22:00:00", None),
        ("2026-11-28", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1764367200, None),
        ({}, None),
    ],
)
def test_an_instant_is_read_in_all_its_spellings_or_not_at_all(given, instant):
    assert reading.at(given) == instant


@pytest.mark.parametrize(
    ("given", "number"),
    [
        *[(0, 0), (2**40, 2**40), ("12", 12), (1e9, 10**9)],
        *[(garbage, None) for garbage in (1.5, True, "", "a lot", None, (), float("nan"), float("inf"))],
    ],
)
def test_a_number_is_read_or_not_at_all(given, number):
    assert reading.number(given) == number


FULL: dict[str, Any] = {
    "id": "m-1",
    "isAgentInstalled": True,
    "replicationStatus": "STARTED",
    "replica": "r-1",
    "sourceProperties": {"name": "web1.example.com"},
    "lifeCycle": {
        "lastTestLaunchDateTime": "2026-11-20T10:00:00Z",
        "lastTestLaunchJobId": "j-1",
        "lastCutoverDateTime": "2026-11-27T10:00:00.25+00:00",
        "lastCutoverJobId": "j-2",
    },
    "replicationInfo": {
        "totalStorageBytes": 100,
        "replicatedStorageBytes": 90,
        "backloggedStorageBytes": 10,
        "rescannedStorageBytes": 1,
        "lastConsistencyDateTime": "2026-11-28T21:59:00Z",
        "nextConsistencyEstimatedDateTime": "2026-11-28T22:01:00Z",
        "lastScanStartDateTime": "2026-11-01T00:00:00Z",
        "lastSeenDateTime": "2026-11-28T21:59:59Z",
        "initiationStates": {
            "items": [
                {"steps": [{"name": "OLD", "status": "FAILED", "message": "earlier attempt"}]},
                {"steps": [{"name": "NEW", "status": "SUCCEEDED", "message": None}]},
            ],
            "estimatedNextAttemptDateTime": "2026-11-28T22:05:00Z",
        },
    },
}


def test_a_machine_is_read_whole():
    found = cloudendure_answers.machine(FULL, listed_as_replicating=True)
    assert found is not None
    assert (found.id, found.name, found.replica) == ("m-1", "web1.example.com", "r-1")
    seen, life = found.replication, found.life_cycle
    assert (seen.status, seen.agent_installed) == ("STARTED", True)
    assert (seen.total_bytes, seen.replicated_bytes, seen.backlog_bytes, seen.rescanned_bytes) == (100, 90, 10, 1)
    assert seen.consistent_at == NOW - timedelta(minutes=1)
    assert seen.next_consistent_at == NOW + timedelta(minutes=1)
    assert seen.scan_started_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert seen.seen_at == NOW - timedelta(seconds=1)
    assert seen.next_attempt_at == NOW + timedelta(minutes=5)
    assert seen.steps == (("NEW", "SUCCEEDED", ""),)
    assert life.tested_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert life.cut_over_at == datetime(2026, 11, 27, 10, 0, 0, 250_000, tzinfo=UTC)
    assert (life.test_job, life.cutover_job) == ("j-1", "j-2")


@pytest.mark.parametrize("nothing", [None, ""])
def test_omitted_null_and_empty_are_alike(nothing):
    bare = cloudendure_answers.machine({"id": "m-1"}, listed_as_replicating=True)
    emptied = {key: "m-1" if key == "id" else nothing for key in FULL}
    info = dict.fromkeys(FULL["replicationInfo"], nothing)
    assert cloudendure_answers.machine(emptied, listed_as_replicating=True) == bare
    assert cloudendure_answers.machine({"id": "m-1", "replicationInfo": info}, listed_as_replicating=True) == bare


def test_a_backlog_that_cannot_be_read_is_not_no_backlog():
    garbled = {"id": "m-1", "replicationInfo": {"backloggedStorageBytes": {"GiB": 6}}}
    found = cloudendure_answers.machine(garbled, listed_as_replicating=True)
    assert found is not None
    assert found.replication.backlog_bytes == reading.UNREADABLE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2026-11-28T22:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def garbled(shape: Any) -> st.SearchStrategy[Any]:
    """The shape with anything in place of any of its parts."""
    if isinstance(shape, dict):
        return JSON | st.fixed_dictionaries({}, optional={key: garbled(value) for key, value in shape.items()})
    if isinstance(shape, list):
        return JSON | st.lists(st.one_of([garbled(value) for value in shape]), max_size=3)
    return JSON | st.just(shape)


JOB = {
    "id": "j-1",
    "type": "TEST_LAUNCH",
    "status": "STARTED",
    "creationDateTime": "2026-11-28T22:00:00Z",
    "endDateTime": "2026-11-28T22:10:00Z",
    "participatingMachines": ["m-1"],
    "log": [{"logDateTime": "2026-11-28T22:00:00Z", "message": "Job started"}],
    "targetMachines": [{"source_machine_id": "m-1", "target_instance_id": "i-1"}],
}
REPLICA = {"id": "r-1", "machine": "m-1", "machineCloudId": "i-1", "jobId": "j-1", "cloudEndureCreationDateTime": "x"}


@settings(max_examples=300, deadline=None)
@given(garbled(FULL), garbled(JOB), garbled(REPLICA))
def test_no_answer_whatsoever_breaks_the_reading(machine, job, replica):
    cloudendure_answers.machine(machine, listed_as_replicating=True)
    cloudendure_answers.job(job)
    cloudendure_answers.replica(replica)


def test_a_job_is_read_whole():
    job = cloudendure_answers.job(JOB)
    assert job is not None
    assert (job.id, job.kind, job.status, job.status_as_given) == ("j-1", "test", JobStatus.STARTED, "STARTED")
    assert (job.created_at, job.ended_at) == (NOW, NOW + timedelta(minutes=10))
    assert job.machines == frozenset({"m-1"})
    assert [(line.at, line.message) for line in job.log] == [(NOW, "Job started")]
    assert job.instances == {"m-1": "i-1"}


@pytest.mark.parametrize(
    ("given", "kind"),
    [("TEST_LAUNCH", "test"), ("CUTOVER_LAUNCH", "cutover"), ("RECOVERY_LAUNCH", "RECOVERY_LAUNCH"), (None, "")],
)
def test_a_jobs_kind_is_our_mode_or_the_services_own_word(given, kind):
    job = cloudendure_answers.job({**JOB, "type": given})
    assert job is not None
    assert job.kind == kind


@pytest.mark.parametrize("given", ["ABORTED", "completed", None, 7])
def test_an_unknown_job_status_has_not_ended_and_keeps_its_word(given):
    job = cloudendure_answers.job({**JOB, "status": given})
    assert job is not None
    assert job.status is JobStatus.UNKNOWN
    assert not job.status.ended
    assert job.status_as_given == (given if isinstance(given, str) else "")


@pytest.mark.parametrize(
    ("given", "machines"),
    [(None, None), ("", None), ("m-1", None), (["m-1", None], None), ([], frozenset()), (["m-2"], frozenset({"m-2"}))],
)
def test_a_jobs_machines_are_known_whole_or_not_at_all(given, machines):
    job = cloudendure_answers.job({**JOB, "participatingMachines": given})
    assert job is not None
    assert job.machines == machines


def test_unreadable_log_lines_keep_their_place():
    job = cloudendure_answers.job({**JOB, "log": [None, {"message": None}, {"message": "Job finished"}]})
    assert job is not None
    assert [line.message for line in job.log] == ["", "", "Job finished"]

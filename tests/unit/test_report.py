"""The report of a run: the outcome first, nothing loaded from elsewhere, every name inert."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from unittest.mock import patch

import pytest

from cutover.finding import Finding
from cutover.machine import JobStatus
from cutover.moments import moments
from cutover.records import Accepted, Check, LagLook, MachineRecord, MachineStatus, Outcome, RunStatus
from cutover.report import addresses, page
from cutover.reporting import TYPES, reported
from cutover.summary import render
from tests.unit import night_of as at
from tests.unit.records_of import job, plan
from tests.unit.test_evidence import FAILED, VALID, VERIFIED, around, evidence

HOSTILE = (
    "<script>alert(1)</script>",
    "a & b",
    "\"'><img src=x onerror=alert(1)>",
    "\u202edb01\u202c",
    "{{ 7 * 7 }}",
    "]]></title></svg><script>",
)
DONE = VERIFIED.but(
    id="m-db01",
    source_ips=("192.168.0.7",),
    first_seen="2026-11-28T22:10:00Z",
    first_ok="2026-11-28T22:12:00Z",
    settled="2026-11-28T22:14:00Z",
    not_made=("port: no port is named",),
)


class Elements(HTMLParser):
    """The elements of a page, as (name, attributes), and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def lagging(given: dict[str, Any], *names: str) -> dict[str, Any]:
    looks = [
        LagLook(f"2026-11-28T21:{minute:02}:00Z", dict.fromkeys(names, 600 - 10 * minute)).to_json()
        for minute in range(60)
    ]
    for wave in given["waves"]:
        wave |= {"lag": looks, "lag_limit": 300}
    return given


def test_it_says_the_outcome_first_in_one_sentence() -> None:
    of = page(evidence((DONE,), around(at.OPENED), outcome=Outcome.CUT_OVER, status=RunStatus.SUCCEEDED), "{}")
    headline = re.search("<h1>(.*?)</h1>", of)
    assert headline is not None
    assert headline[1].startswith("Cut over: every machine verified")
    assert of.index("<h1>") < of.index("<h2")
    assert 'class="outcome good"' in of


@pytest.mark.parametrize("moment", at.EVERY_MOMENT)
def test_every_moment_of_a_night_has_its_page(moment: str) -> None:
    of = page(evidence(night=around(at.EVERY_MOMENT[moment]), outcome=Outcome.FAILED), "{}")
    assert 'class="outcome bad"' in of
    assert "Production is held by" in of


@pytest.mark.parametrize("outcome", [*Outcome, None])
@pytest.mark.parametrize("status", MachineStatus)
def test_every_outcome_has_its_page(outcome: Outcome | None, status: MachineStatus) -> None:
    assert status.value.replace("_", " ") in page(evidence((VERIFIED.but(status=status),), outcome=outcome), "{}")


def test_it_has_all_that_is_asked_of_it() -> None:
    word = Accepted("lead@example.com", "answers by hand", "2026-11-28T22:20:00Z")
    given = lagging(evidence((DONE, FAILED.but(accepted=word)), around(at.OPENED)), "db01", "DB|02")
    VALID.validate(given)
    of = Elements(page(given, '{"name": "as it was run"}')).text
    for words in (
        "192.168.0.7",
        "10.0.0.4 3.4.5.6",
        "i-old",
        "no new\ntarget",
        "port: no port is named",
        "limit 05:00",
        "Job finished",
        "accepts DB|02, failed",
        "answers by hand",
        "as it was run",
        "22:12:00",
        "Users are shut out",
    ):
        assert words in of, words


def test_the_lag_after_the_quiesce_is_not_held_against_the_plans_limit_and_one_look_is_no_line() -> None:
    given = lagging(evidence((DONE,), around(at.OPENED)), "db01")
    given["night"]["quiesced"] = "2026-11-28T21:00:00Z"
    source = page(given, "{}")
    assert "limit 05:00" not in source
    assert "Nothing was written at the source any more" in source
    given["waves"][0]["lag"] = given["waves"][0]["lag"][:1]
    assert "Plot of the lag" not in page(given, "{}")
    assert "The lag as a table, one look" in page(given, "{}")


def test_it_loads_nothing_and_runs_nothing() -> None:
    source = page(lagging(evidence((DONE, FAILED), around(at.OPENED)), "db01"), "{}")
    elements = Elements(source).found
    policy = [each["content"] for _, each in elements if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not {name for name, _ in elements} & {"script", "link", "iframe", "object", "embed", "base", "form", "img"}
    assert not [each for _, each in elements if {"src", "href", "xlink:href"} & set(each)]
    assert not re.search(r"url\(|@import", source)
    plots = [each for name, each in elements if name == "svg"]
    assert len(plots) == 3
    assert all(each["role"] == "img" and each["aria-label"] for each in plots)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_inert_wherever_they_stand(name: str) -> None:
    check = Check(name, name, name, False)
    machine = DONE.but(
        label=name, name=name, checks=(check,), not_made=(name,), findings=(Finding(name, name, name, name),)
    )
    machine = machine.but(accepted=Accepted(name, name, "2026-11-28T22:20:00Z"), status=MachineStatus.FAILED)
    given = lagging(evidence((machine,), reason=name), name)
    given["waves"][0]["name"] = name
    given["waves"][0]["jobs"][0]["log"][0]["message"] = name
    source = page(given, name)
    plain = page(lagging(evidence((machine.but(label="x", name="x"),)), "x"), "x")
    elements = Elements(source).found
    assert {tag for tag, _ in elements} == {tag for tag, _ in Elements(plain).found}
    assert not [each for _, each in elements if any(key.startswith("on") for key in each)]
    assert name in Elements(source).text


def test_a_thousand_machines_are_a_page_below_two_megabytes_that_says_what_it_leaves_out() -> None:
    checks = tuple(Check(f"check {number}", "as it should be " * 4, "as it is " * 8, True) for number in range(14))
    crowd = tuple(
        DONE.but(label=f"machine-{number:04}", name=f"machine-{number:04}", position=number, checks=checks)
        for number in range(999)
    )
    given = lagging(evidence((*crowd, FAILED)), *(each.label for each in crowd[:20]))
    source = page(given, "x" * 1_000_000)
    assert len(source.encode()) < 2_000_000
    assert "machine-0998" in source
    assert "… and 959 more machines: see evidence.json." in source, "of the plot"
    assert "… and 800 more machines: see evidence.json." in source, "of the checks"
    assert "800000 more characters" in source
    assert source.index("<bdi>DB|02</bdi>: 0 of 1 passed") < source.index("<bdi>machine-0000</bdi>: 14 of 14 passed")
    assert len(addresses(given).splitlines()) == 1001


def test_the_addresses_are_a_table_that_no_spreadsheet_calculates() -> None:
    rows = list(csv.reader(io.StringIO(addresses(evidence((DONE, FAILED))))))
    assert dict(zip(rows[0], rows[1], strict=True)) == {
        "wave": "db",
        "name": "db01",
        "id": "m-db01",
        "status": "verified",
        "source_ips": "192.168.0.7",
        "instance_id": "i-new",
        "private_ips": "10.0.0.4",
        "public_ips": "3.4.5.6",
        "type": "m5.large",
        "subnet_id": "subnet-1",
        "replaced": "i-old",
    }
    assert rows[2][1:6] == ["DB|02", "", "failed", "", ""]
    for name in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")'):
        row = list(csv.reader(io.StringIO(addresses(evidence((DONE.but(name=name),))), newline="")))[1]
        assert row[1] == f"'{name}"


def test_a_report_that_cannot_be_made_is_told_and_stops_nothing() -> None:
    with patch("cutover.report.page", side_effect=ZeroDivisionError("a plot")):
        made = reported(evidence(), plan())
    assert made.files == {}
    assert isinstance(made.error, ZeroDivisionError)
    VALID.validate(made.evidence)
    assert "- report.html could not be made: ZeroDivisionError; the log has more; evidence.json has all" in render(
        made.evidence
    )
    well = reported(evidence(), plan())
    assert set(well.files) == set(TYPES)
    assert well.evidence["report"] is None
    assert "report.html" not in render(well.evidence)


CLOUDENDURE = (
    "Started waiting for latest snapshot",
    "Finished waiting for latest snapshot",
    "Started machine conversions",
    "Finished machine conversions",
    "Started creating a replica for instance db02",
    "Started creating a replica for instance db01",
    "Finished creating a replica for instance db01",
)
MGN: tuple[str, ...] = (
    "SNAPSHOT_START",
    "SNAPSHOT_END",
    "CONVERSION_START",
    "CONVERSION_END",
    "LAUNCH_START",
    "LAUNCH_START",
)
MGN += ("LAUNCH_END",)


@pytest.mark.parametrize("lines", [CLOUDENDURE, MGN])
def test_the_phases_are_those_of_the_log_and_of_the_looks(lines: tuple[str, ...]) -> None:

    given = job(JobStatus.COMPLETED, *lines, machines=frozenset({"m-db01", "m-db02"}))
    log = tuple(
        replace(line, at=line.at and line.at + timedelta(minutes=number)) for number, line in enumerate(given.log)
    )
    other = MachineRecord("db02", 1, "m-db02", "db02")
    found = moments(DONE, [replace(given, log=log)], [DONE, other])
    spans = [(each.phase, each.begun[11:16], each.done and each.done[11:16]) for each in found]
    launch = "22:05" if lines is CLOUDENDURE else "22:04"
    assert spans == [
        ("snapshot", "22:00", "22:01"),
        ("conversion", "22:02", "22:03"),
        ("launch", launch, "22:06"),
        ("boot", "22:10", "22:12"),
        ("checks", "22:12", "22:14"),
    ]


def test_what_is_not_known_of_a_launch_is_left_out() -> None:
    assert moments(FAILED, [job()], [FAILED]) == ()
    begun = moments(DONE.but(first_ok=None, settled=None), [job(JobStatus.STARTED, CLOUDENDURE[0])], [DONE])
    assert [(each.phase, each.done) for each in begun] == [("snapshot", None), ("boot", None)]


def test_it_says_who_was_told_what_who_signed_off_and_what_slack_did_not_take() -> None:
    given = evidence(night=around(at.OPENED), outcome=Outcome.CUT_OVER)
    given["told"] = [
        {
            "number": 1,
            "at": "2026-11-28T22:41:00Z",
            "news": "going_back",
            "wave": HOSTILE[0],
            "audiences": ["engineers", "pager"],
            "next_word": None,
        }
    ]
    given["slack"] = [
        {"channel": "#cutover", "posted": False, "threaded": 0, "failures": 3, "failed": "Slack refuses it: x"},
        {"channel": "#fine", "posted": True, "threaded": 1, "failures": 0, "failed": ""},
    ]
    word = {"by": "app", "at": "2026-11-20T10:00:00Z", "machine": None, "runs": ["r"], "reason": "fine", "via": "link"}
    given["sign_offs"] = [{**word, "rejected": False}, {**word, "by": "dba", "rejected": True}]
    VALID.validate(given)
    drawn = Elements(page(given, "{}"))
    for words in (
        f"going back: wave {HOSTILE[0]}",
        "engineers, pager",
        "3 posts or edits were not taken",
        "signs off the test of every machine, by link",
        "rejects the test of every machine, by link",
    ):
        assert words in " ".join(drawn.text.split()), words
    assert "#fine" not in drawn.text
    assert "script" not in {tag for tag, _ in drawn.found}


def test_a_decision_says_by_which_way_it_came() -> None:
    given = evidence(night=around(at.OPENED), outcome=Outcome.CUT_OVER)
    given["night"]["questions"][0] |= {
        "answer": "yes",
        "answered_by": "lead",
        "answered_at": at.CLOSED.closed,
        "via": "slack",
    }
    VALID.validate(given)
    assert "go: yes, by slack" in Elements(page(given, "{}")).text

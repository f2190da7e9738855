"""Who is told, in a plan: what it compiles to, and what it is refused for, in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutover.plan import Plan
from cutover.planned_telling import Audience, Channel, Person, Telling
from tests.unit.test_plan_night import HEAD, WAVES, load, night, refused

ASKED = night(go="{by: [lead@example.com, app@example.com], timeout: 30m}")


def test_a_plan_that_says_nothing_tells_engineers_in_english_by_the_deployments_topic(tmp_path: Path) -> None:
    assert load(tmp_path, WAVES).telling == Telling(audiences={Audience.ENGINEERS: Channel("en", "", "")})


def test_every_audience_has_its_ways_and_its_language(tmp_path: Path) -> None:
    tell = """\
tell:
  application: ERP
  source: München
  target: AWS
  stakeholders: {language: de, topic: cutover-erp-owners, slack: "#erp"}
  pager: {topic: cutover-pager, slack: C024BE91L}
  people:
    lead@example.com: {slack: U024BE7LH, topic: cutover-to-lead}
"""
    plan = load(tmp_path, ASKED + tell)
    assert plan.telling == Telling(
        application="ERP",
        source="München",
        target="AWS",
        audiences={
            Audience.ENGINEERS: Channel(),
            Audience.STAKEHOLDERS: Channel("de", "cutover-erp-owners", "#erp"),
            Audience.PAGER: Channel("en", "cutover-pager", "C024BE91L"),
        },
        people={"lead@example.com": Person("cutover-to-lead", "U024BE7LH")},
    )
    assert Plan.from_json(plan.canonical()) == plan


@pytest.mark.parametrize(
    ("line", "path", "rule"),
    [
        ("engineers: {language: fr}", "tell.engineers.language", "en"),
        ("engineers: {topic: erp-owners}", "tell.engineers.topic", "is called cutover-…"),
        ("engineers: {topic: 'arn:aws:sns:eu-central-1:1:cutover-x'}", "tell.engineers.topic", "is called cutover-…"),
        ("engineers: {slack: erp}", "tell.engineers.slack", "a Slack channel is #name, or its id"),
        ("engineers: {slack: '#ERP'}", "tell.engineers.slack", "a Slack channel is #name, or its id"),
        ("people: {lead@example.com: {slack: '@lead'}}", 'tell.people["lead@example.com"].slack', "goes by an id, U…"),
        ("people: {stranger: {slack: U024BE7LH}}", "tell.people.stranger", "is asked for something, by the same name"),
        ("everybody: {language: de}", "tell.everybody", "the keys here are application"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, line: str, path: str, rule: str) -> None:
    (problem,) = refused(tmp_path, f"{ASKED}tell:\n  {line}\n")
    assert problem.line == len((HEAD + ASKED).splitlines()) + 2
    assert path in str(problem)
    assert rule in str(problem)


def test_a_member_of_slack_is_one_person(tmp_path: Path) -> None:
    people = "{lead@example.com: {slack: U024BE7LH}, app@example.com: {slack: U024BE7LH}}"
    (problem,) = refused(tmp_path, f"{ASKED}tell:\n  people: {people}\n")
    assert "a member of Slack is one person, and this one is lead@example.com" in str(problem)


def test_somebody_who_does_a_step_by_hand_may_have_a_way_of_their_own(tmp_path: Path) -> None:
    step = "[{name: off, manual: power off, who: net@example.com, undo: {none: the source is on}}]"
    tell = "tell:\n  people: {net@example.com: {slack: U024BE7LH}}\n"
    plan = load(tmp_path, night(power_off=step) + tell)
    assert set(plan.telling.people) == {"net@example.com"}


def test_whoever_wrote_a_plan_does_not_answer_it_unless_the_plan_says_so(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, "author: app@example.com\n" + ASKED)
    assert "cutover.approvals.go.by[1]: seen 'app@example.com'" in str(problem)
    assert "somebody other than the plan's author answers; do: take them out, or write `author_may: true`" in str(
        problem
    )
    may = night(go="{by: [app@example.com], timeout: 30m, author_may: true}")
    plan = load(tmp_path, "author: app@example.com\n" + may)
    assert plan.author == "app@example.com"
    assert plan.night is not None
    assert plan.night.go.author_may

"""The page on which somebody decides, in a browser: by day, by night and on a phone; and deciding by clicking."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from cutover.night_records import NightRecord, Part, QuestionRecord
from cutover.records import MachineRecord, MachineStatus, TargetRecord, WaveRecord
from tests.browser.conftest import too_wide, violations, watched
from tests.statemachines.evening import RUN, Evening
from tests.statemachines.test_deciding import asked, go, link
from tests.statemachines.test_inviting import signing
from tests.statemachines.test_whole_night import LEAD
from tests.visiting import served

PHONE = 390
Scheme = Literal["light", "dark"]


@contextmanager
def opened(
    browser: Browser, url: str, file: Path, scheme: Scheme = "light", width: int = PHONE
) -> Iterator[tuple[Page, list[str], list[str]]]:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844})
    # Slower than on a desk: the function answers in this process, one request at a time.
    context.set_default_timeout(60_000)
    with context, context.new_page() as page:
        said, asked_for = watched(page)
        page.goto(url)
        yield page, said, asked_for
        page.screenshot(path=file, full_page=True)


def known(it: Evening) -> None:
    """Two machines that are ready, one of which has a target."""
    progress = ({"label": "db01", "lag": 42}, {"label": "db02", "lag": 75})
    it.store.write_wave(RUN, WaveRecord(1, "db", ready=2, total=2, started=it.now, looked=it.now, progress=progress))
    machines = [
        MachineRecord("db01", 0, id="m-1", instance_before="i-0a1b2c3d4e5f60718"),
        MachineRecord("a-server-with-a-name-that-is-longer-than-any-phone-is-wide.example.com", 1, id="m-2"),
    ]
    it.store.write_machines(RUN, 1, machines)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("dark", PHONE)])
def test_somebody_decides_by_clicking(browser: Browser, tmp_path: Path, scheme: Scheme, width: int) -> None:
    with asked() as (it, path), served() as base:
        known(it)
        with opened(browser, base + path[1:], tmp_path / "asked.png", scheme, width) as (page, said, asked_for):
            expect(page.get_by_role("heading", level=1)).to_contain_text("May users be shut out")
            expect(page.get_by_role("row", name="db01")).to_contain_text("00:42 behind its source")
            expect(page.get_by_role("row", name="db01")).to_contain_text("the launch deletes i-0a1b2c3d4e5f60718")
            assert too_wide(page) == 0
            assert violations(page) == []
            page.screenshot(path=tmp_path / "before.png", full_page=True)
            assert go(it).answer is None
            page.get_by_role("button", name="Yes").click()
            expect(page.get_by_role("status")).to_contain_text(f"{LEAD} has answered: Yes")
            assert go(it).answer == "yes"
            assert "db01 (db): 00:42 behind its source; the launch deletes i-0a1b2c3d4e5f60718" in go(it).saw
            assert page.get_by_role("button").count() == 0
            assert too_wide(page) == 0
            assert violations(page) == []
            page.reload()
            expect(page.get_by_role("status")).to_contain_text(f"{LEAD} has answered: Yes")
            assert said == []
            assert {url for url in asked_for if not url.endswith("/favicon.ico")} == {base + path[1:]}


def test_a_no_asks_for_its_reason_and_then_takes_it(browser: Browser, tmp_path: Path) -> None:
    with (
        asked() as (it, path),
        served() as base,
        opened(browser, base + path[1:], tmp_path / "no.png") as (page, said, _),
    ):
        page.get_by_role("button", name="No").click()
        expect(page.get_by_role("alert")).to_contain_text("needs a reason")
        assert violations(page) == []
        page.get_by_label("Why").fill("the bank has not said yes")
        page.get_by_role("button", name="No").click()
        expect(page.get_by_role("status")).to_contain_text("the bank has not said yes")
        assert (go(it).answer, go(it).reason) == ("no", "the bank has not said yes")
        # Chromium says of its own accord that an answer had status 400.
        assert [each for each in said if "400" not in each] == []


def test_an_old_link_says_so(browser: Browser, tmp_path: Path) -> None:
    with asked() as (it, path), served() as base:
        it.store.close_question(RUN, "go")
        with opened(browser, base + path[1:], tmp_path / "old.png", "dark") as (page, _, _asked):
            expect(page.get_by_role("heading", level=1)).to_have_text("Nothing can be decided here")
            expect(page.get_by_role("status")).to_contain_text("no answer counts any more")
            assert too_wide(page) == 0
            assert violations(page) == []


def test_users_are_let_onto_the_targets_by_clicking(browser: Browser, tmp_path: Path) -> None:
    """With everything that is known by then: what was verified, its addresses, until when there is a way back."""
    with asked() as (it, _), served() as base:
        target = TargetRecord("i-0a1b2c3d4e5f60719", ("10.0.1.4",))
        verified = MachineRecord("db01", 0, id="m-1", status=MachineStatus.VERIFIED, target=target)
        it.store.write_wave(RUN, WaveRecord(1, "db", passed=True, started=it.now, looked=it.now))
        it.store.write_machines(RUN, 1, [verified])
        it.store.write_night(RUN, NightRecord(done={Part.GO.value: it.now}))
        later = QuestionRecord("users", "May they?", (LEAD,), it.now, "2027-01-01T00:00:00Z")
        it.store.ask(RUN, later)
        with opened(browser, base + link(it, LEAD, "users")[1:], tmp_path / "users.png") as (page, said, _asked):
            expect(page.get_by_role("heading", level=1)).to_have_text("May users be let onto the targets?")
            expect(page.get_by_role("row", name="db01")).to_contain_text("i-0a1b2c3d4e5f60719")
            assert too_wide(page) == 0
            page.get_by_role("button", name="Yes").click()
            expect(page.get_by_role("status")).to_contain_text(f"{LEAD} has answered: Yes")
            assert it.question("users").answer == "yes"
            assert said == []


def test_a_test_is_signed_off_by_clicking(browser: Browser, tmp_path: Path) -> None:
    with (
        asked() as (it, _),
        served() as base,
        opened(browser, base + signing(it)[1:], tmp_path / "sign.png", width=1100) as (page, said, _asked),
    ):
        expect(page.get_by_role("heading", level=1)).to_have_text("Does this test count for the cutover?")
        assert violations(page) == []
        page.get_by_role("button", name="It counts").click()
        expect(page.get_by_role("status")).to_contain_text(f"{LEAD} has answered: It counts")
        assert it.store.signed_off("demo", "*", LEAD) is not None
        assert said == []

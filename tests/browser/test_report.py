"""The report as people open it: from a file, in a browser, on a desk and on a phone, by day and by night."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser

from cutover.plan import Mode
from cutover.records import Accepted, Outcome, RunStatus
from cutover.report import page as drawn
from tests.browser.conftest import too_wide, violations, watched
from tests.unit import night_of as at
from tests.unit.test_evidence import FAILED, around, evidence
from tests.unit.test_report import DONE, HOSTILE, lagging

PHONE = 390


def well() -> dict[str, Any]:
    crowd = [DONE.but(label=f"web{each:02}", name=f"web{each:02}", position=each) for each in range(9)]
    cut_over = {"outcome": Outcome.CUT_OVER, "status": RunStatus.SUCCEEDED, "simulated": True}
    return _briefly(lagging(evidence(tuple(crowd), around(at.COMMITTED), **cut_over), *(each.label for each in crowd)))


def badly() -> dict[str, Any]:
    word = Accepted("lead@example.com", "answers by hand " * 9, "2026-11-28T22:20:00Z")
    some = [DONE.but(label=name, name=name, not_made=(name * 9,)) for name in (*HOSTILE, "x" * 200)]
    given = evidence((*some, FAILED.but(accepted=word)), around(at.HELD), reason="y" * 400)
    return _briefly(lagging(given, *HOSTILE))


def _briefly(given: dict[str, Any]) -> dict[str, Any]:
    """With few looks: axe looks at every cell of a table."""
    for wave in given["waves"]:
        wave["lag"] = wave["lag"][:5]
    return given


def little() -> dict[str, Any]:
    return evidence((FAILED.but(checks=()),), mode=Mode.TEST, outcome=Outcome.REFUSED)


@pytest.mark.parametrize("given", [well, badly, little])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("dark", 1100), ("light", PHONE)])
def test_it_opens_from_a_file_without_a_complaint_of_the_browser_or_of_axe(
    browser: Browser, tmp_path: Path, given: Any, scheme: Literal["light", "dark"], width: int
) -> None:
    file = tmp_path / "report.html"
    file.write_text(drawn(given(), '{"a": "' + "z" * 500 + '"}'), encoding="utf-8")
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844})
    with context, context.new_page() as page:
        said, asked = watched(page)
        page.goto(file.as_uri())
        page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
        assert page.locator("h1").bounding_box() is not None
        assert too_wide(page) == 0
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert too_wide(page) == 0
        assert said == []
        assert asked == [file.as_uri()]
        assert violations(page) == []

"""The machine's Chromium, and what is asked of every page that is opened in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

AXE = files("axe_playwright_python") / "axe.min.js"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, "no Chromium is here: apt-get install chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=[*QUIET, "--disable-sync"])
        yield started
        started.close()


def watched(page: Page) -> tuple[list[str], list[str]]:
    """What the browser says against the page from now on, and the URLs that it asks for."""
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    return said, asked


def violations(page: Page) -> list[Any]:
    """What axe finds wrong with the page as it stands: [(id, help, elements)]. It has been looked at."""
    found = page.evaluate(AXE.read_text(encoding="utf-8") + "; axe.run()")
    assert found["passes"]
    return [(each["id"], each["help"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]


def too_wide(page: Page) -> int:
    """Pixels that the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

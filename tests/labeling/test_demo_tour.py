"""The tour as somebody meets it who has just installed the package: the real demo, a real model, a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import App
from small import wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STEPS = [
    ("Label by key", None, ""),
    ("Why this one?", "why", ".funnel li"),
    ("Watch it learn", "learning", ".autopilot.tour-here"),
    ("The dial", "learning", ".dial.tour-here"),
    ("The map", "map", ".map-box canvas"),
    ("Honest accuracy", "learning", ".judgement.tour-here"),
    ("Take it with you", "learning", ".exports.tour-here a[href*=parquet]"),
]
POINTS = (
    "[...document.querySelectorAll('#panel .curve tbody tr')]"
    ".map((row) => [...row.cells].map((cell) => cell.textContent).join(' '))"
)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[App]:
    with App("demo", "--project", tmp_path / "demo.tyrogue", "--model", "linear", log=tmp_path / "log") as running:
        yield running


@pytest.fixture
def page(demo: App, chromium: Browser) -> Iterator[Page]:
    """The page of a first visit; a complaint on its console fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    opened, complaints = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.goto(demo.url)
    yield opened
    context.close()
    assert not complaints, complaints


def until(page: Page, expression: str, seconds: float = 60.0) -> Any:
    wait_for(lambda: page.evaluate(expression), expression, seconds)
    return page.evaluate(expression)


def test_every_step_of_the_tour_comes_and_the_curve_grows(demo: App, page: Page) -> None:
    page.wait_for_selector("#tour >> text=Take the tour", timeout=120_000)
    page.wait_for_selector("#card:not([hidden]) #reading .text", timeout=120_000)
    page.click("#tour >> text=Take the tour")
    for number, (title, panel, sight) in enumerate(STEPS, 1):
        until(page, f"document.querySelector('#tour b')?.textContent === {title!r}")
        assert f"{number} of {len(STEPS)}" in str(page.locator("#tour").text_content())
        shown = page.locator("#panel")
        assert (shown.get_attribute("data-panel") if shown.is_visible() else None) == panel
        if sight:
            page.wait_for_selector(f"#panel {sight}", timeout=60_000, state="attached")
        if title == "Watch it learn":
            watch(demo, page)
        page.keyboard.press("2" if number == 1 else "ArrowRight")
    until(page, "document.getElementById('tour').hidden")
    assert demo.state()["autopilot"]["on"] is False, "it stops with its step"


def watch(demo: App, page: Page) -> None:
    """Starts the autopilot by the button that has the focus, and looks on until the curve has grown."""
    assert page.evaluate(POINTS) == []
    page.keyboard.press("Enter")
    first = until(page, f"({POINTS}).length ? {POINTS} : null", 240)
    until(page, f"({POINTS}).length > {len(first)}", 240)
    grown = [[float(value) for value in row.split()] for row in page.evaluate(POINTS)]
    assert len(grown) >= 2
    labels, values = zip(*grown, strict=True)
    assert list(labels) == sorted(set(labels)), "each point has more labels than the one before"
    assert all(0 <= value <= 1 for value in values)
    assert page.locator("#panel .curve circle.point").count() >= 2, "drawn, not only told"
    assert demo.state()["labeled"] >= labels[-1]

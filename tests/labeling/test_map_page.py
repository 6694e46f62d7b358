"""The map in a browser on the real server: real points, a lasso, labels in the journal, one undo."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from small import LAYOUT, Session, session, wait_for, without_delay

from running import running
from tyrogue.labeling.app import create_app
from tyrogue.labeling.mapping import Mapper
from tyrogue.labeling.others import Others

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session with a model and a finished map."""
    without_delay(monkeypatch)
    with session(tmp_path) as made:
        made.label(12)
        others = Others(made.store, made.pipeline.chooser)
        mapper = made.pipeline.mapper = Mapper(
            made.project, made.store, made.pipeline.encoder, others, command=(sys.executable, "-c", LAYOUT)
        )
        made.engine.store.set("map_wishes", {"at": time.time(), "strategies": {"entropy": time.time()}})
        made.settle()
        wait_for(lambda: not made.pipeline.step() and not mapper.busy, "the map")
        yield made
        mapper.close()


@pytest.fixture
def url(s: Session) -> Iterator[str]:
    with running(create_app(s.engine)) as address:
        yield address


def until(page: Page, expression: str, argument: Any = None) -> None:
    wait_for(lambda: page.evaluate(expression, argument), expression, 20)


def violations(page: Page) -> list[str]:
    checker = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.wait_for_timeout(350)
    return [f"{one['impact']}: {one['id']}" for one in checker.run(page).response["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_region_of_real_points(s: Session, url: str, chromium: Browser, scheme: Any) -> None:
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    page.wait_for_selector("#reading .text")
    page.keyboard.press("m")
    until(page, "document.getElementById('map-counts')?.textContent.includes('12 labeled')")
    page.select_option("#map-others", "entropy")
    page.select_option("#map-colour", "prediction")
    until(page, "document.getElementById('panel-body').textContent.includes('Entropy would pick these 9')")
    until(page, "document.getElementById('map-counts').textContent.includes('Opinions are those of model')")
    inside_out(page)
    page.keyboard.press("1")
    before = s.store.labels()[0].tolist()
    assert len(before) == 12, "a key alone labels nothing"
    assert violations(page) == []
    page.keyboard.press("Enter")
    wait_for(lambda: len(s.store.labels()[0]) > 20, "labels in the journal", 20)
    fresh = [one for one in s.store.label_records() if one.row not in before]
    assert {one.class_id for one in fresh} == {s.store.class_index()[0]}
    assert not {one.row for one in fresh} & set(s.project.corpus.reference.tolist())
    until(page, "words => document.getElementById('labeled').textContent === words", f"{12 + len(fresh)} labeled")
    page.keyboard.press("Backspace")
    wait_for(lambda: s.store.labels()[0].tolist() == before, "all of it taken back", 20)
    page.mouse.move(*middle(page))
    until(page, "document.querySelector('.map-snippet')?.textContent.includes('number')")
    page.keyboard.press("w")
    until(page, "document.querySelectorAll('.why-texts').length > 0 || document.body.textContent.includes('honestly')")
    assert violations(page) == []
    assert not complaints
    context.close()


def middle(page: Page) -> tuple[float, float]:
    box = page.locator(".map-box").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def inside_out(page: Page) -> None:
    """Draws a large diamond around the middle of the map."""
    x, y = middle(page)
    page.mouse.move(x, y - 150)
    page.mouse.down()
    for dx, dy in ((150, 0), (0, 150), (-150, 0), (-10, -140)):
        page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()

"""The tour of the demo, walked through by keyboard: beside the text, ended by Esc, offered once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from looks import PHONE, WIDE, axe, box

Desks = Callable[..., Any]  # conftest.Desk

STEPS = [
    ("Label by key", None),
    ("Why this one?", "why"),
    ("Watch it learn", "learning"),
    ("The dial", "learning"),
    ("The map", "map"),
    ("Honest accuracy", "learning"),
    ("Take it with you", "learning"),
]


def title(one: Any) -> str:
    return str(one.page.locator("#tour b").text_content())


def until_title(one: Any, words: str) -> None:
    one.until("words => document.querySelector('#tour b')?.textContent === words", words)


def beside(one: Any, first: str, second: str) -> bool:
    """Whether two boxes share no point."""
    a, b = box(one, first), box(one, second)
    apart = a["x"] >= b["x"] + b["width"] or b["x"] >= a["x"] + a["width"]
    return bool(apart or a["y"] >= b["y"] + b["height"] or b["y"] >= a["y"] + a["height"])


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_tour_is_walked_by_keyboard_and_covers_nothing(desk: Desks, viewport: dict[str, int]) -> None:
    one = desk("--demo", viewport=viewport).open()
    one.page.click("#tour >> text=Take the tour")
    for number, (name, panel) in enumerate(STEPS, 1):
        until_title(one, name)
        assert f"{number} of {len(STEPS)}" in one.page.locator("#tour").text_content()
        assert one.page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "tour-words"
        assert beside(one, "#tour", "#card")
        assert one.page.locator("#panel").is_visible() is (panel is not None)
        if panel:
            assert one.page.locator("#panel").get_attribute("data-panel") == panel
            assert beside(one, "#tour", "#panel")
            assert beside(one, "#card", "#panel")
        assert axe(one) == [], name
        assert box(one, "#tour")["y"] > -1, "in sight"
        if number == 1:
            one.press("2")  # labeling a text is the step
        else:
            one.press("ArrowRight")
    assert not one.page.locator("#tour").is_visible()
    assert one.page.evaluate("document.activeElement.id") == "reading"
    assert [note["class_id"] for note in one.saved()] == [1], "the tour labels nothing by itself"


@pytest.mark.parametrize(("steps", "mark"), [(3, ".dial"), (5, ".judgement"), (6, ".exports")])
def test_what_a_step_is_about_stays_in_sight_while_the_panel_fills(desk: Desks, steps: int, mark: str) -> None:
    one = desk("--demo").open().press("1", "2", "3", "1")  # so that there is a judgement to fill it with
    one.saved()
    one.press("?")
    one.page.click("#panel >> text=Take the tour")
    one.fake(latency=0.6)
    one.press(*["ArrowRight"] * steps)
    one.page.wait_for_selector(".per-class")
    one.page.wait_for_timeout(300)
    panel, marked = box(one, "#panel"), box(one, f"#panel {mark}")
    assert panel["y"] <= marked["y"] < panel["y"] + panel["height"] - 30


def test_the_autopilot_answers_when_asked_and_stops_with_the_step(desk: Desks) -> None:
    one = desk("--demo").open()
    one.page.click("#tour >> text=Take the tour")
    one.press("Enter", "ArrowRight")
    until_title(one, "Watch it learn")
    assert one.fake()["journal"] == []
    one.press("Enter")  # the button that has the focus starts it
    one.until("parseInt(document.getElementById('labeled').textContent) > 0")
    one.press("ArrowRight")
    until_title(one, "The dial")
    one.until("!document.body.classList.contains('autopilot-on')")


def test_it_steps_back_and_ends_and_leaves_the_keys_alone(desk: Desks) -> None:
    one = desk("--demo").open()
    one.page.click("#tour >> text=Take the tour")
    one.press("ArrowRight", "ArrowRight", "ArrowLeft")
    until_title(one, "Why this one?")
    one.press("3")
    assert [note["class_id"] for note in one.saved()] == [2], "labeling goes on"
    assert title(one) == "Why this one?"
    one.press("ArrowRight", "ArrowRight")
    one.page.focus("#dial")
    one.press("ArrowRight")
    assert title(one) == "The dial", "the slider's arrows are its own"
    one.page.focus("#reading")
    one.press("Escape")
    assert not one.page.locator("#tour").is_visible()
    one.press("Escape")
    assert not one.page.locator("#panel").is_visible()


def test_it_is_offered_once_and_only_in_the_demo(desk: Desks) -> None:
    other = desk("--autopilot").open()
    assert not other.page.locator("#tour").is_visible()
    one = desk("--demo").open()
    assert axe(one) == []
    one.page.click("#tour >> text=Not now")
    one.page.reload()
    one.page.wait_for_selector("#reading .text")
    assert not one.page.locator("#tour").is_visible()
    one.press("?")
    one.page.click("#panel >> text=Take the tour")
    until_title(one, "Label by key")
    assert not one.page.locator("#panel").is_visible()


def test_an_answer_that_comes_late_does_not_write_into_another_panel(desk: Desks) -> None:
    one = desk("--demo").open()
    one.fake(latency=0.4)
    one.press("w", "l")
    one.page.wait_for_timeout(900)
    assert one.page.locator("#panel .dial").is_visible()
    assert one.page.locator("#panel .funnel").count() == 0

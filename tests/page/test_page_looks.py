"""What can be measured of the page's looks: nothing moves, nothing is covered or cut off, axe finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from looks import PHONE, WIDE, axe, box

Desks = Callable[..., Any]  # conftest.Desk

ZOOMED = {"width": 640, "height": 400}  # 1280 x 800 at 200 %
PANELS = ["w", "m", "c", "l", "y", "r", "/", "g", "?"]


@pytest.mark.parametrize("viewport", [WIDE, PHONE, ZOOMED], ids=["wide", "phone", "zoomed"])
def test_buttons_never_move_from_text_to_text(desk: Desks, viewport: dict[str, int]) -> None:
    one = desk(viewport=viewport).open()
    places = []
    for _ in range(9):  # plain, html, right-to-left, cut, many lines, one endless word, and a blind one
        places.append((box(one, "#classes"), box(one, ".class-button >> nth=2"), box(one, "#actions")))
        one.press("1")
    one.press("n")
    places.append((box(one, "#classes"), box(one, ".class-button >> nth=2"), box(one, "#actions")))
    assert all(place == places[0] for place in places)


@pytest.mark.parametrize(
    ("options", "viewport"),
    [((), WIDE), ((), PHONE), ((), ZOOMED), (("--pairs",), PHONE), (("--classes", "60"), PHONE)],
    ids=["wide", "phone", "zoomed", "pairs", "classes"],
)
def test_nothing_is_wider_than_the_window(desk: Desks, options: tuple[str, ...], viewport: dict[str, int]) -> None:
    one = desk(*options, viewport=viewport).open()
    for key in ["", *PANELS]:
        if key:
            one.press("Escape", key)
        one.page.wait_for_timeout(80)
        width = one.page.evaluate("document.scrollingElement.scrollWidth")
        assert width <= viewport["width"], f"with {key or 'no panel'}"
    for _ in range(7):
        one.press("Escape", "1")
        assert one.page.evaluate(
            "document.getElementById('reading').scrollWidth <= document.getElementById('reading').clientWidth"
        )


@pytest.mark.parametrize("viewport", [WIDE, PHONE, ZOOMED], ids=["wide", "phone", "zoomed"])
def test_panels_never_cover_the_text_and_leave_the_keys_alone(desk: Desks, viewport: dict[str, int]) -> None:
    one = desk(viewport=viewport).open()
    for key in PANELS:
        one.press(key)
        card, panel = box(one, "#card"), box(one, "#panel")
        beside = panel["x"] >= card["x"] + card["width"]
        below = panel["y"] >= card["y"] + card["height"]
        assert beside or below, key
        one.press("Escape")
        assert not one.page.locator("#panel").is_visible(), key
    one.press("w", "1", "l", "2")  # labeling goes on beside an open panel
    assert len(one.saved()) == 2
    tab = one.page.locator(".tab[aria-expanded=true]")
    assert tab.count() == 1
    assert "Learning" in tab.text_content()


def test_pairs_stand_side_by_side_and_stacked_on_a_phone(desk: Desks) -> None:
    one = desk("--pairs").open()
    left, right = box(one, ".half >> nth=0"), box(one, ".half >> nth=1")
    assert left["y"] == right["y"]
    assert right["x"] >= left["x"] + left["width"]
    one.page.set_viewport_size(PHONE)
    top, bottom = box(one, ".half >> nth=0"), box(one, ".half >> nth=1")
    assert top["x"] == bottom["x"]
    assert bottom["y"] >= top["y"] + top["height"]


def test_right_to_left_texts_begin_on_the_right(desk: Desks) -> None:
    one = desk().open().press("1", "1", "1")
    direction = one.page.evaluate("getComputedStyle(document.querySelector('#reading .text')).direction")
    assert direction == "rtl"
    one.press("1", "1")
    assert (
        one.page.evaluate("getComputedStyle(document.querySelector('#reading .text')).whiteSpaceCollapse") == "preserve"
    )


def test_the_theme_is_kept_and_there_before_the_first_paint(desk: Desks) -> None:
    one = desk(color_scheme="light").open()
    background = "getComputedStyle(document.body).backgroundColor"
    light = one.page.evaluate(background)
    one.page.click("#theme")
    one.page.click("#theme")
    dark = one.page.evaluate(background)
    assert dark != light
    one.page.reload(wait_until="domcontentloaded")
    assert one.page.evaluate(background) == dark


def test_motion_only_where_it_is_welcome(desk: Desks) -> None:
    calm = desk().open().press("1")
    assert calm.page.locator(".ghost").count() == 0
    lively = desk(reduced_motion="no-preference").open()
    lively.page.evaluate("() => { Element.prototype.animate = () => ({ finished: new Promise(() => {}) }) }")
    lively.press("1")
    ghost = lively.page.locator(".ghost")
    assert ghost.count() == 1
    assert ghost.get_attribute("aria-hidden") == "true"


def test_a_screen_reader_hears_the_decision_and_the_next_text(desk: Desks) -> None:
    one = desk().open().press("2")
    assert one.page.locator("#announce").text_content() == f"Sports. Next: {one.text()}"
    one.press("Backspace")
    assert one.page.locator("#announce").text_content() == "Taken back."


@pytest.mark.parametrize(
    ("scheme", "viewport"),
    [("light", WIDE), ("dark", WIDE), ("light", ZOOMED)],
    ids=["light", "dark", "zoomed"],
)
def test_axe_finds_nothing_in_any_screen(desk: Desks, scheme: str, viewport: dict[str, int]) -> None:
    one = desk("--autopilot", color_scheme=scheme, viewport=viewport).open()
    one.press("1", "2", "3", "3", "Backspace")
    assert axe(one) == []
    for key in PANELS:
        one.press("Escape", key)
        if key == "y":
            one.page.click(".history button.entry >> nth=0")
        if key == "/":
            one.page.keyboard.type("battery")
            one.page.wait_for_selector(".results .entry")
        if key == "r":
            one.page.click(".review .entry >> nth=0")
            one.page.wait_for_selector(".review-details")
        if key == "l":
            one.page.wait_for_selector(".per-class")
        assert axe(one) == [], f"panel {key}"
    one.press("Escape", "n")
    assert axe(one) == [], "note"


@pytest.mark.parametrize(
    ("options", "ready", "scheme"),
    [
        (("--pairs",), ".half", "light"),
        (("--classes", "60"), ".class-button", "dark"),  # every colour and shape
        (("--classes", "60"), ".class-button", "light"),
        (("--preparing", "--no-model"), "[data-screen=preparing]", "light"),
        (("--texts", "0"), "[data-screen=done]", "dark"),
        (("--token", "abc"), "[data-screen=login]", "light"),
    ],
    ids=["pairs", "classes-dark", "classes", "preparing", "done", "login"],
)
def test_axe_finds_nothing_where_there_is_another_screen(
    desk: Desks, options: tuple[str, ...], ready: str, scheme: str
) -> None:
    assert axe(desk(*options, color_scheme=scheme).open(ready=ready)) == []


def test_axe_finds_nothing_on_a_phone_offline(desk: Desks) -> None:
    one = desk(viewport=PHONE).open()
    one.fake(fail="drop")
    one.press("1")
    one.status("offline")
    assert axe(one) == []


OUTLINE = """() => {
  const here = document.activeElement;
  if (!here || here === document.body) return null;
  const look = () => {
    const { outlineStyle, outlineWidth, outlineColor, outlineOffset } = getComputedStyle(here);
    const all = [outlineStyle, outlineWidth, outlineColor, outlineOffset].join(" ");
    return { drawn: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2, all };
  };
  const { x, y, width, height } = here.getBoundingClientRect();
  const seen = width > 0 && height > 0 && x < innerWidth && x + width > 0 && y < innerHeight && y + height > 0;
  const focused = look();
  here.blur();
  const rest = look();
  here.focus({ preventScroll: true });
  const name = `${here.tagName}#${here.id}.${here.className} ${(here.textContent || "").slice(0, 30)}`;
  const again = window.stops.has(here);
  window.stops.add(here);
  return { again, name, seen, visible: focused.drawn && focused.all !== rest.all };
}"""


def stops(one: Any) -> list[str]:
    """Presses Tab until it has come round; gives the stops, and fails at one where the eye cannot see the focus."""
    one.page.evaluate("() => { window.stops = new Set(); }")
    found = list[str]()
    for _ in range(200):
        one.press("Tab")
        told = one.page.evaluate(OUTLINE)
        if told is None:  # past the last one; the next press begins at the first
            continue
        if told["again"]:
            return found
        assert told["visible"], f"no outline: {told['name']}"
        assert told["seen"], f"out of sight: {told['name']}"
        found.append(told["name"])
    raise AssertionError("Tab never comes round")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_focus_is_to_be_seen_at_every_stop(desk: Desks, scheme: str) -> None:
    one = desk("--autopilot", "--copies", color_scheme=scheme).open()
    assert len(stops(one)) > 15
    one.press("1", "2", "3", "3", "Backspace")
    for key in PANELS:
        one.press("Escape", key)
        if key == "y":
            one.page.wait_for_selector(".history button.entry")
        if key == "/":
            one.page.keyboard.type("battery")
            one.page.wait_for_selector(".results .entry")
        if key == "m":
            one.until("document.getElementById('map-counts')?.textContent.includes('texts on the map')")
        if key == "r":
            one.page.wait_for_selector(".review .entry")
        if key == "l":
            one.page.wait_for_selector(".per-class")
        one.page.wait_for_timeout(200)
        assert len(stops(one)) > 15, f"panel {key}"
        one.page.locator("#reading").focus()
    one.press("Escape", "n")
    assert any("INPUT#note" in name for name in stops(one))


@pytest.mark.parametrize(
    ("options", "ready", "least"),
    [
        (("--texts", "0"), "[data-screen=done]", 3),
        (("--token", "abc"), "[data-screen=login]", 3),
        (("--classes", "60"), ".class-button", 60),
    ],
    ids=["done", "login", "classes"],
)
def test_the_focus_is_to_be_seen_on_another_screen(
    desk: Desks, options: tuple[str, ...], ready: str, least: int
) -> None:
    assert len(stops(desk(*options).open(ready=ready))) >= least

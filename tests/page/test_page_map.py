"""The map and what is told of a text's neighbours, in a browser, against an independent book-keeping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Desks = Callable[..., Any]  # conftest.Desk

SIDE = 8  # the fake project's texts stand on a grid of so many columns


def opened(one: Any) -> Any:
    """Opens the map and waits for its points."""
    one.open().press("m")
    one.until("document.getElementById('map-counts')?.textContent.includes('texts on the map')")
    return one


def at(one: Any, row: int) -> tuple[float, float]:
    """Gives the pixel of a text, from its place on the grid: the map's unit is the shorter side of its box."""
    box = one.page.locator(".map-box").bounding_box()
    unit = min(box["width"], box["height"]) - 2
    x, y = (0.05 + 0.1 * (row % SIDE) - 0.5, 0.05 + 0.1 * (row // SIDE) - 0.5)
    return box["x"] + box["width"] / 2 + x * unit, box["y"] + box["height"] / 2 + y * unit


def lasso(one: Any, rows: list[int]) -> None:
    """Draws around the rectangle that these two corners span."""
    (left, top), (right, bottom) = at(one, rows[0]), at(one, rows[1])
    mouse, edge = one.page.mouse, 9
    mouse.move(left - edge, top - edge)
    mouse.down()
    for x, y in ((right + edge, top - edge), (right + edge, bottom + edge), (left - edge, bottom + edge)):
        mouse.move(x, y, steps=5)
    mouse.move(left - edge, top - edge + 2, steps=5)
    mouse.up()


def region_words(one: Any) -> str:
    return str(one.page.locator(".map-region-words").text_content())


def test_hover_and_arrows_read_the_texts(desk: Desks) -> None:
    one = opened(desk())
    text = one.page.locator(".map-snippet")
    one.page.mouse.move(*at(one, 27))
    words = {row: one.page.evaluate(f"fetch('/api/rows/{row}').then((r) => r.json())")["text"] for row in (27, 28, 20)}
    one.until("words => document.querySelector('.map-snippet')?.textContent === words", words[27])
    one.page.locator(".map-box").focus()
    one.press("ArrowRight")
    one.until("words => document.querySelector('.map-snippet').textContent === words", words[28])
    one.press("ArrowUp")
    one.until("words => document.querySelector('.map-snippet').textContent === words", words[20])
    assert text.count() == 1
    assert one.saved() == [], "reading decides nothing"


def test_a_lasso_a_class_key_one_confirmation_and_undo(desk: Desks) -> None:
    one = opened(desk())
    lasso(one, [32, 50])  # three columns, three rows; 48 is a blind check
    assert region_words(one).startswith("8 texts in the region. 1 other left out")
    one.press("2")
    assert "Label 8 texts Sports" in one.page.locator(".map-confirm").text_content()
    assert one.saved() == []
    one.press("Enter")
    one.until("document.getElementById('labeled').textContent === '8 labeled'")
    notes = one.saved()
    assert sorted(note["item"] for note in notes) == [32, 33, 34, 40, 41, 42, 49, 50]
    assert {note["class_id"] for note in notes} == {1}
    one.until("document.querySelector('.map-legend').textContent.includes('Sports8')")
    one.press("3")  # no region any more: the key is the card's again
    assert len(one.saved()) == 9
    one.press("Backspace", "Backspace")
    assert one.saved() == []
    one.until("document.getElementById('labeled').textContent === '0 labeled'")


def test_no_is_no(desk: Desks) -> None:
    one = opened(desk())
    lasso(one, [32, 42])
    one.press("1", "Escape")
    assert one.page.locator(".map-confirm").count() == 0
    assert region_words(one).startswith("6 texts")
    one.press("Escape")
    assert not one.page.locator(".map-region").is_visible()
    one.press("Escape")
    assert not one.page.locator("#panel").is_visible()
    assert one.saved() == []


def test_regions_by_keyboard_alone(desk: Desks) -> None:
    one = opened(desk())
    one.page.mouse.move(*at(one, 27))
    one.press("Enter")
    assert region_words(one).startswith("8 texts in the region. 2 others")  # ten around it, two of them blind checks
    one.press("Enter")
    assert int(region_words(one).split()[0]) > 15
    one.press("Escape", "Shift+ArrowRight", "Shift+ArrowDown")
    assert region_words(one).startswith("3 texts in the region. 1 other left out")  # 27, 36, 35 of a square with 28
    one.press("4", "4")  # the same key again says yes
    one.until("document.getElementById('labeled').textContent === '3 labeled'")
    assert sorted(note["item"] for note in one.saved()) == [27, 35, 36]


def test_a_queued_region_comes_next_and_backspace_takes_it_out_again(desk: Desks) -> None:
    one = opened(desk())
    row = "document.getElementById('reading').dataset.row"
    lasso(one, [32, 50])
    one.press("q")
    one.until("document.querySelector('.map-region-words').textContent.startsWith('8 texts queued')")
    assert "Backspace takes them out again" in region_words(one)
    one.press("1")
    one.until(f"Number({row}) >= 32")
    one.press("Backspace")
    one.until(f"{row} === '0'")
    one.press("Backspace")
    one.until("document.getElementById('announce').textContent === '8 texts taken out of the queue again.'")
    one.press("1")
    one.until(f"{row} === '1'")
    assert [note["item"] for note in one.saved()] == [0]


def test_a_region_takes_its_texts_off_the_deck(desk: Desks) -> None:
    one = opened(desk())
    first = one.text()
    lasso(one, [0, 9])  # 0 and 1 are on the card and next
    one.press("1", "Enter")
    one.until("words => document.getElementById('reading').textContent !== words", first)
    seen = {one.page.locator("#reading").get_attribute("data-row")}
    for _ in range(4):
        one.press("2")
        seen.add(one.page.locator("#reading").get_attribute("data-row"))
    assert not seen & {"0", "1", "9"}
    items = [note["item"] for note in one.saved()]
    assert len(items) == len(set(items))


def test_after_a_reload_one_undo_takes_the_region_back(desk: Desks) -> None:
    one = opened(desk())
    lasso(one, [32, 42])
    one.press("1", "Enter")
    one.until("document.getElementById('labeled').textContent === '6 labeled'")
    one.page.reload()
    one.page.wait_for_selector("#reading .text")
    shown = one.text()
    one.press("Backspace")
    one.until("document.getElementById('labeled').textContent === '0 labeled'")
    assert one.saved() == []
    assert one.text() == shown, "no text of the region is put on the card"


def test_what_others_would_pick_and_what_the_model_thinks(desk: Desks) -> None:
    one = opened(desk())
    one.page.select_option("#map-others", "badge")
    one.until("document.getElementById('panel-body').textContent.includes('BADGE would pick these 3')")
    one.page.select_option("#map-colour", "prediction")
    one.until("document.querySelector('.map-legend').textContent.includes('World16')")
    one.page.select_option("#map-colour", "entropy")
    one.until("document.querySelector('.map-legend').textContent.includes('0–20%')")


def test_why_shows_the_neighbours(desk: Desks) -> None:
    one = desk().open().press("w")
    one.until("document.querySelectorAll('.why-texts').length === 3")
    words = one.page.locator("#panel-body").text_content()
    assert "into 150 groups" in words
    assert "Of those 150 it is one of the 50" in words
    assert one.page.locator(".why-texts >> nth=0").locator(".chip").count() == 3


def test_near_identical_texts_are_labeled_with_consent_only(desk: Desks) -> None:
    one = desk("--copies").open()
    assert "3 near-identical texts" in one.page.locator("#copies").text_content()
    one.page.click("text=Read them")
    one.page.wait_for_selector(".copies-list li >> nth=2")
    one.press("1")
    assert [(note["item"], note["class_id"]) for note in one.saved()] == [(0, 0)], "nobody asked for more"
    one.press("Backspace", "a")
    assert "Your next label goes to all 4 texts." in one.page.locator("#copies").text_content()
    one.press("2")
    one.until("document.getElementById('labeled').textContent === '4 labeled'")
    assert [(note["item"], note["class_id"]) for note in one.saved()] == [(0, 1), (60, 1), (61, 1), (62, 1)]
    assert not one.page.locator("#copies").is_visible(), "consent does not go on to the next text"
    one.press("Backspace")
    assert one.saved() == []
    assert one.page.locator("#reading").get_attribute("data-row") == "0"


def test_a_region_on_a_phone_without_any_key(desk: Desks) -> None:
    one = opened(desk(viewport={"width": 390, "height": 844}, has_touch=True))
    one.page.locator(".map-box").scroll_into_view_if_needed()
    lasso(one, [32, 42])
    one.page.click(".map-actions .chip-button >> nth=2")
    one.page.click(".map-confirm .chip-button")
    one.until("document.getElementById('labeled').textContent === '6 labeled'")
    assert {note["class_id"] for note in one.saved()} == {2}

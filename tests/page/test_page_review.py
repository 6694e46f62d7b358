"""Review and report in a real browser: everything by keyboard, against a second book-keeping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Desks = Callable[..., Any]  # conftest.Desk


@pytest.fixture
def one(desk: Desks) -> Any:
    """A desk with four labels, World, Sports, Business and World, and the review open."""
    made = desk().open().press("1", "2", "3", "1")
    made.saved()
    made.press("r")
    made.page.wait_for_selector(".review .entry")
    return made


def entries(one: Any) -> list[str]:
    return [str(entry.text_content()) for entry in one.page.locator(".review > li > .entry").all()]


def decided(one: Any) -> list[tuple[int, int | None]]:
    return [(note["item"], note["class_id"]) for note in one.saved()]


def test_every_label_is_listed_newest_first(one: Any) -> None:
    assert [next(n for n in ("World", "Sports", "Business") if text.startswith(n)) for text in entries(one)] == [
        "World", "Business", "Sports", "World",
    ]  # fmt: skip
    assert "A model without it says Business (93%)." in entries(one)[3]


def test_the_keys_of_classes_correct_and_the_card_stays(one: Any) -> None:
    card = one.text()
    one.page.locator(".review .entry >> nth=0").focus()
    one.press("ArrowDown", "4")
    one.until("document.querySelectorAll('.review .entry')[1].textContent.startsWith('Sci/Tech')")
    assert one.text() == card, "the key went to the list, not to the text"
    assert decided(one)[-1] == (2, 3)
    assert "reviewed" in entries(one)[1]
    assert one.page.evaluate("document.activeElement === document.querySelectorAll('.review .entry')[1]")
    one.press("ArrowDown", "f")
    one.until("document.querySelectorAll('.review .entry')[2].textContent.includes('flagged')")


def test_a_suspect_is_confirmed_with_one_key(one: Any) -> None:
    one.page.select_option("[aria-label='Which labels']", "suspected")
    one.until("document.querySelectorAll('.review .entry').length === 1")
    one.page.locator(".review .entry").focus()
    one.press("c")
    one.until("document.querySelector('.review .entry').textContent.includes('reviewed')")
    assert decided(one)[-1] == (0, 0)
    assert "A model without it" not in entries(one)[0]


def test_a_note_is_written_where_the_history_is(one: Any) -> None:
    one.page.locator(".review .entry >> nth=2").focus()
    one.press("n")
    one.page.wait_for_selector(".review-note:focus")
    assert "me, " in one.page.locator(".said").text_content()
    one.page.keyboard.type("1 of 2")  # digits belong to the note
    one.press("Enter")
    one.until("document.querySelectorAll('.review .entry')[2].textContent.includes('note: 1 of 2')")
    assert len(decided(one)) == 4


def test_words_and_filters_narrow_the_list(one: Any) -> None:
    one.page.select_option("[aria-label='Class']", label="Sports")
    one.until("document.querySelectorAll('.review .entry').length === 1")
    one.page.select_option("[aria-label='Class']", "")
    one.page.fill("#review-search", "central bank")
    one.until("document.querySelectorAll('.review .entry').length === 1")
    one.page.fill("#review-search", "no such words")
    one.until("document.querySelector('.review').textContent === 'No label fits.'")


def test_pages_go_on_with_the_arrow(desk: Desks) -> None:
    one = desk().open()
    for n in range(36):
        one.until("document.querySelector('#card:not([hidden]) #reading .text') !== null")
        one.press("1")
        one.status("all saved" if n % 5 == 4 else "")
    assert len(one.saved()) == 36
    one.press("r")
    one.until("document.querySelectorAll('.review .entry').length === 30")
    one.page.locator(".review .entry >> nth=0").focus()
    one.press("End", "ArrowDown")
    one.until("document.querySelectorAll('.review .entry').length === 36")
    one.until("document.activeElement === document.querySelectorAll('.review .entry')[30]")


def test_a_refused_correction_says_so_and_changes_nothing(one: Any) -> None:
    one.page.locator(".review .entry >> nth=0").focus()
    one.fake(fail="refuse")
    one.press("4")
    one.until("document.querySelector('.panel .message').textContent.includes('merged away')")
    one.fake(fail="none")
    assert entries(one)[0].startswith("World")
    one.press("Backspace")
    assert decided(one) == [(0, 0), (1, 1), (2, 2)], "what was refused is not what is taken back"


def test_a_correction_made_while_the_server_is_away_arrives(one: Any) -> None:
    one.page.locator(".review .entry >> nth=0").focus()
    one.fake(fail="503")
    one.press("4")
    one.until("document.querySelector('.panel .message').textContent.includes('Saving')")
    one.page.wait_for_timeout(300)
    assert entries(one)[0].startswith("World"), "nothing is shown as done that is not"
    one.fake(fail="none")
    one.until("document.querySelector('.review .entry').textContent.startsWith('Sci/Tech')")
    assert decided(one)[-1] == (3, 3)
    assert len(decided(one)) == 5


def test_backspace_takes_the_correction_back_and_the_label_of_the_card_stands(one: Any) -> None:
    card = one.text()
    one.page.locator(".review .entry >> nth=0").focus()
    one.press("ArrowDown", "4")
    one.until("document.querySelectorAll('.review .entry')[1].textContent.startsWith('Sci/Tech')")
    assert decided(one)[-1] == (2, 3)
    one.press("Backspace")
    one.until("document.querySelectorAll('.review .entry')[1].textContent.startsWith('Business')")
    assert decided(one) == [(0, 0), (1, 1), (2, 2), (3, 0)]
    assert "reviewed" not in entries(one)[1]
    assert one.text() == card
    assert one.page.locator("#labeled").text_content() == "4 labeled"
    assert one.page.evaluate("document.activeElement === document.querySelectorAll('.review .entry')[1]")
    one.press("Backspace")
    assert decided(one) == [(0, 0), (1, 1), (2, 2)]
    assert one.page.locator("#reading").get_attribute("data-row") == "3"


def test_corrections_of_one_text_are_taken_back_one_by_one(one: Any) -> None:
    entry = "document.querySelector('.review .entry').textContent"
    one.page.locator(".review .entry >> nth=0").focus()
    for key, name in (("4", "Sci/Tech"), ("3", "Business")):
        one.press(key)
        one.until(f"{entry}.startsWith('{name}')")
    one.press("f")
    one.until(f"{entry}.includes('flagged')")
    one.press("Backspace")
    one.until(f"!{entry}.includes('flagged')")
    for name in ("Sci/Tech", "World"):
        one.press("Backspace")
        one.until(f"{entry}.startsWith('{name}')")
    assert decided(one) == [(0, 0), (1, 1), (2, 2), (3, 0)]


def test_after_a_reload_backspace_takes_the_correction_back_too(one: Any) -> None:
    one.page.locator(".review .entry >> nth=3").focus()
    one.press("4")
    one.until("document.querySelectorAll('.review .entry')[3].textContent.startsWith('Sci/Tech')")
    one.page.reload()
    one.page.wait_for_selector("#reading .text")
    card = one.text()
    one.press("Backspace")
    one.until("document.getElementById('announce').textContent === 'Correction taken back.'")
    assert decided(one) == [(0, 0), (1, 1), (2, 2), (3, 0)]
    assert one.text() == card, "nobody is asked again about a text whose label stands"


def test_the_report_tells_accuracy_reasons_and_what_promotion_costs(desk: Desks) -> None:
    one = desk().open().press("1", "2", "3")
    one.saved()
    one.press("l")
    one.page.wait_for_selector(".stopping")
    told = str(one.page.locator(".judgement").text_content())
    assert "82% accurate (95% interval 68% to 91%)" in told
    assert "44 blind random checks" in told
    assert "not enough yet" in told
    assert "about 3 minutes at your pace" in told
    assert "No independent accuracy any more." in told
    holds = [row.get_attribute("class") for row in one.page.locator(".reason").all()]
    assert holds == ["reason holds", "reason does-not-hold", "reason not-known-yet"]
    button = one.page.locator(".judgement button")
    button.focus()
    one.press("Enter")
    one.until("document.querySelector('.judgement').textContent.includes('Keep them for judging again')")
    assert "each judged by a model trained without it" in str(one.page.locator(".judgement").text_content())

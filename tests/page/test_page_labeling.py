"""Labeling by hand in a real browser, against a server whose book-keeping is independent of the page's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Desks = Callable[..., Any]  # conftest.Desk


def decisions(notes: list[dict[str, Any]]) -> list[tuple[int, str, int | None]]:
    return [(note["item"], note["action"], note["class_id"]) for note in notes]


def test_every_key_does_what_the_help_says(desk: Desks) -> None:
    one = desk().open()
    one.press("1", "3", "Enter", "Space", "f", "4")
    notes = one.saved()
    assert decisions(notes) == [
        (0, "label", 0), (1, "label", 2), (2, "label", 0), (3, "skip", None), (4, "flag", None), (5, "label", 3),
    ]  # fmt: skip
    assert all(0 <= note["seconds"] < 60 for note in notes)
    one.until("document.getElementById('labeled').textContent === '4 labeled'")
    assert one.page.locator("#batch").text_content() == " · 6 of 50"


def test_the_counts_follow_the_hand(desk: Desks) -> None:
    one = desk().open()
    one.fake(latency=1.5)
    one.press("1", "2", "Backspace")
    assert one.page.locator("#labeled").text_content() == "1 labeled"  # read at once, long before the server counts
    one.fake(latency=0)
    assert len(one.saved()) == 1


def test_the_next_text_is_there_although_the_server_is_slow(desk: Desks) -> None:
    one = desk().open()
    one.page.wait_for_timeout(300)
    one.fake(latency=1.5)
    seen = [one.text()]
    for _ in range(5):
        one.press("1")
        seen.append(one.text())  # read at once: a text that came from the server now would take 1.5 s
    assert len(set(seen)) == 6
    assert "saving" in one.page.locator("#status").text_content()
    one.fake(latency=0)
    assert len(one.saved()) == 5


def test_undo_at_once_after_saving_and_after_a_reload(desk: Desks) -> None:
    one = desk().open()
    first = one.text()
    one.press("2").saved()
    one.press("Backspace")
    assert one.text() == first
    marked = one.page.locator(".class-button.before")
    assert "Sports" in marked.text_content()
    assert one.saved() == []
    one.press("3")
    one.saved()
    one.page.reload()
    one.page.wait_for_selector("#reading .text")
    assert one.text() != first
    one.press("Backspace")
    one.until("text => document.getElementById('reading').textContent === text", first)
    assert "Business" in marked.text_content()
    one.press("4")
    assert decisions(one.saved()) == [(0, "label", 3)]


def test_labels_survive_a_dead_server_and_a_reload_and_arrive_once(desk: Desks) -> None:
    one = desk().open()
    one.page.wait_for_timeout(300)
    one.fake(fail="drop")
    one.press("1", "2", "3")
    one.status("offline: 3 labels kept here, trying again")
    one.page.reload()
    one.page.wait_for_selector("[data-screen=offline]")
    one.fake(fail="none")
    one.page.wait_for_selector("#reading .text")
    assert decisions(one.saved()) == [(0, "label", 0), (1, "label", 1), (2, "label", 2)]
    one.until("document.getElementById('reading').textContent.includes('هذا')")  # the fourth is next


def test_a_label_whose_answer_was_lost_is_recorded_once(desk: Desks) -> None:
    one = desk().open()
    one.page.wait_for_timeout(300)
    one.fake(fail="lose")
    one.press("2", "1")
    one.page.wait_for_timeout(1_200)
    book = one.fake(fail="none")
    assert len(book["tokens"]) > len(set(book["tokens"])), "the page tried again"
    assert decisions(one.saved()) == [(0, "label", 1), (1, "label", 0)]


def test_a_refused_label_is_not_silent(desk: Desks) -> None:
    one = desk().open()
    one.fake(fail="refuse")
    one.press("1")
    one.status("1 decision refused")
    one.fake(fail="none")
    one.page.click("text=1 decision refused")
    assert "not on the queue any more" in one.page.locator(".refusals").text_content()
    one.page.click(".refusals button")
    one.until("!document.getElementById('status').textContent.includes('refused')")


def test_the_mouse_leaves_the_keyboard_alone_and_a_held_key_labels_once(desk: Desks) -> None:
    one = desk().open()
    one.page.click(".class-button >> nth=1")
    one.press("Space")  # skips; does not press the button again
    assert decisions(one.saved()) == [(0, "label", 1), (1, "skip", None)]
    one.page.keyboard.down("3")
    one.page.keyboard.down("3")  # the browser repeats
    one.page.keyboard.down("3")
    one.page.keyboard.up("3")
    assert len(one.saved()) == 3
    one.press("Control+1", "Alt+2")
    assert len(one.saved()) == 3


def test_hostile_texts_stay_texts(desk: Desks) -> None:
    one = desk().open().press("1", "1")
    assert one.text().startswith("<img src=x onerror=")
    assert one.page.locator("#reading img, #reading script, #reading b").count() == 0
    one.press("c")
    one.page.fill("#new-class", "<img src=x onerror=alert(1)>")
    one.press("Enter")
    one.page.wait_for_selector(".class-button >> nth=4")
    one.press("Escape", "5", "y")
    one.page.wait_for_selector(".history .entry")
    assert one.page.locator("img").count() == 0
    assert "owned" not in one.page.title()


def test_classes_are_added_renamed_and_merged_in_the_page(desk: Desks) -> None:
    one = desk().open().press("1", "2", "c")
    names = one.page.locator(".class-button .name")
    one.page.fill("#new-class", "Weather")
    one.press("Enter")
    one.page.wait_for_selector(".class-button >> nth=4")
    one.page.fill("[aria-label='Name of class World']", "Politics")
    one.press("Enter")
    one.until("document.querySelector('.class-button .name').textContent === 'Politics'")
    colour = "getComputedStyle(document.querySelectorAll('.class-button kbd')[%d]).backgroundColor"
    before = one.page.evaluate(colour % 1)
    one.page.select_option("[aria-label='Merge Politics into']", label="Sports")
    told = one.page.locator(".class-tail.asking").text_content()
    assert "cannot be undone" in told, "before it happens"
    one.page.click("text=Merge into Sports")
    one.until("document.querySelectorAll('.class-button').length === 4")
    assert names.all_text_contents() == ["Sports", "Business", "Sci/Tech", "Weather"]
    assert one.page.evaluate(colour % 0) == before
    one.page.fill("#new-class", "Weather")
    one.press("Enter")
    one.until("document.querySelector('.panel .message').textContent.includes('already')")
    one.press("Escape", "1")  # the key follows the position
    assert one.saved()[-1]["class_id"] == 1
    assert [c["labeled"] for c in one.fake()["classes"] if c["active"]] == [3, 0, 0, 0]


def test_many_classes_have_codes_and_a_filter(desk: Desks) -> None:
    one = desk("--classes", "60").open()
    one.press("z", "1", ".")
    one.page.keyboard.type("017")
    one.press("Enter")
    one.press("z", "f", "b")  # a slip after half a code does nothing
    codes = one.page.locator(".class-button kbd").all_text_contents()
    classes = [note["class_id"] for note in one.saved()]
    assert classes == [codes.index("z1"), 17, codes.index("b")]


def test_suggestions_hide_and_come_back(desk: Desks) -> None:
    one = desk().open()
    assert "World 62%" in one.page.locator("#suggestion").text_content()
    one.press("h")
    assert one.page.locator("#suggestion").text_content() == ""
    one.until("fetch('/fake').then(a => a.json()).then(b => b.settings.suggestions === false)")
    one.press("Enter")  # nothing to accept
    assert one.saved() == []
    one.press("h")
    one.page.wait_for_selector(".class-button.suggested")


def test_a_blind_check_shows_no_opinion(desk: Desks) -> None:
    one = desk().open().press(*"11111111")
    one.until("document.getElementById('chosen').textContent.includes('blind check')")
    assert one.page.locator(".class-button.suggested").count() == 0
    one.press("w")
    assert "hidden" in one.page.locator("#panel-body").text_content()
    assert one.page.locator("#panel-body .bar-row").count() == 0


def test_a_note_goes_with_its_decision_and_only_with_it(desk: Desks) -> None:
    one = desk().open().press("n")
    one.page.keyboard.type("1 two f")
    one.press("Enter", "f", "1")
    notes = one.saved()
    assert [note["note"] for note in notes] == ["1 two f", None]
    assert decisions(notes) == [(0, "flag", None), (1, "label", 0)]


def test_the_history_corrects_and_undo_takes_the_correction_back(desk: Desks) -> None:
    one = desk().open().press("1", "2")
    one.saved()
    shown = one.press("y").text()
    one.page.click(".history .entry >> nth=1")
    one.page.click(".correcting >> text=Business")
    assert decisions(one.saved()) == [(0, "label", 0), (1, "label", 1), (0, "label", 2)]
    one.press("Escape", "Backspace")
    assert decisions(one.saved()) == [(0, "label", 0), (1, "label", 1)]
    assert one.text() == shown


def test_a_found_text_comes_to_the_card(desk: Desks) -> None:
    one = desk().open().press("/")
    one.page.keyboard.type("extra time")
    one.page.wait_for_selector(".results .entry")
    found = one.page.locator(".results .snippet >> nth=3").text_content()
    assert one.text() != found
    one.page.click(".results .entry >> nth=3")
    one.until("text => document.getElementById('reading').textContent === text", found)
    one.press("2")
    assert one.saved()[-1]["text"] == found


def test_the_dial_reaches_the_server(desk: Desks) -> None:
    one = desk().open().press("l")
    one.page.focus("#dial")
    one.press("ArrowRight", "ArrowRight")
    one.until("fetch('/fake').then(a => a.json()).then(b => b.settings.ratio === 6)")


def test_a_dial_that_adapts_says_why_until_it_is_taken(desk: Desks) -> None:
    one = desk().open().press("l")
    one.page.check("#dial-auto")
    one.until("document.getElementById('dial-words').textContent.includes('Ratio 4 for now')")
    assert one.page.input_value("#dial") == "3", "the slider stands at the ratio that was chosen"
    one.page.focus("#dial")
    one.press("ArrowRight")
    assert not one.page.is_checked("#dial-auto")
    one.until("fetch('/fake').then(a => a.json()).then(b => b.settings.ratio === 6)")


def test_the_autopilot_shows_what_it_answers_and_gives_the_desk_back(desk: Desks) -> None:
    one = desk("--autopilot").open().press("l")
    before = one.text()
    one.page.check("#autopilot")
    one.until("text => document.getElementById('reading').textContent !== text", before)
    one.press("1")  # the hand rests
    one.until("parseInt(document.getElementById('labeled').textContent) > 1")
    one.page.uncheck("#autopilot")
    one.until("!document.body.classList.contains('autopilot-on')")
    n = len(one.fake()["journal"])
    one.page.wait_for_selector(".class-button:not(:disabled)")
    one.press("2")
    notes = one.saved()
    assert len(notes) == n + 1
    assert notes[-1]["class_id"] == 1


def test_guidelines_are_written_in_the_page_and_stay_text(desk: Desks) -> None:
    one = desk().open().press("g")
    assert one.page.locator(".prose strong").text_content() == "World"
    assert one.page.locator(".prose a").get_attribute("rel") == "noopener noreferrer"
    one.page.click(".panel >> text=Edit")
    one.page.fill("#guide", "1 new <script>x</script>")
    one.page.click(".panel >> text=Save")
    one.until("document.querySelector('.prose')?.textContent === '1 new <script>x</script>'")
    assert one.fake()["journal"] == []


def test_a_long_text_is_shown_whole_when_asked(desk: Desks) -> None:
    one = desk().open().press("1", "1", "1", "1")
    assert len(one.text()) == 20_000
    one.page.click("text=Show all")
    one.until("document.getElementById('reading').textContent.length > 30000")
    one.press("End")
    assert one.page.evaluate("document.getElementById('reading').scrollTop") > 1_000
    one.press("1")
    assert one.page.evaluate("document.getElementById('reading').scrollTop") == 0


def test_the_token_opens_the_page_and_leaves_the_address(desk: Desks) -> None:
    one = desk("--token", "abc").open(ready="[data-screen=login]")
    one.open("/?token=abc&annotator=ana")
    assert "token" not in one.page.url
    one.page.wait_for_timeout(200)
    assert "annotator=ana" in one.page.url


@pytest.mark.parametrize(
    ("options", "screen"), [(("--preparing", "--no-model"), "preparing"), (("--texts", "0"), "done")]
)
def test_without_a_text_the_page_says_why(desk: Desks, options: tuple[str, ...], screen: str) -> None:
    one = desk(*options).open(ready=f"[data-screen={screen}]")
    one.press("1", "Enter", "Space")
    assert one.fake(preparing=False)["journal"] == []
    if screen == "preparing":
        one.page.wait_for_selector("#reading .text")


def test_a_training_that_failed_is_told_while_labeling_goes_on(desk: Desks) -> None:
    one = desk().open()
    one.fake(trainer_error="MemoryError: <b>no room</b>")
    one.press("1")
    one.page.wait_for_selector("#status .model.bad")
    status = one.page.locator("#status .model")
    assert "something failed" in str(status.text_content())
    assert status.get_attribute("title") == "MemoryError: <b>no room</b>"
    one.press("1")
    one.fake(trainer_error=None)
    one.press("1")
    one.page.wait_for_selector("#status .model:not(.bad)")
    assert len(one.fake()["journal"]) == 3

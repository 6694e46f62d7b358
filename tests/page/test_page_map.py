"""The map and what is told of a text's neighbours, in a browser, against an independent book-keeping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Desks = Callable[..., Any]  # conftest.Desk

RING = 10.0  # px, at the outer edge of the ring around the text on the card, where no smaller ring reaches
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
    one.page.mouse.move(*at(one, 29))
    words = {row: one.page.evaluate(f"fetch('/api/rows/{row}').then((r) => r.json())")["text"] for row in (29, 30, 22)}
    one.until("words => document.querySelector('.map-snippet')?.textContent === words", words[29])
    one.page.locator(".map-box").focus()
    one.press("ArrowRight")
    one.until("words => document.querySelector('.map-snippet').textContent === words", words[30])
    one.press("ArrowUp")
    one.until("words => document.querySelector('.map-snippet').textContent === words", words[22])
    assert text.count() == 1
    assert one.saved() == [], "reading decides nothing"


def test_a_lasso_a_class_key_one_confirmation_and_undo(desk: Desks) -> None:
    one = opened(desk())
    lasso(one, [32, 50])  # three columns, three rows; 48 is a blind check, and not to be found
    assert region_words(one) == "8 texts in the region."
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
    assert region_words(one) == "10 texts in the region."  # not the blind checks among them
    one.press("Enter")
    assert int(region_words(one).split()[0]) > 15
    one.press("Escape", "Shift+ArrowLeft", "Shift+ArrowDown")
    assert region_words(one) == "4 texts in the region."
    one.press("4", "4")  # the same key again says yes
    one.until("document.getElementById('labeled').textContent === '4 labeled'")
    assert sorted(note["item"] for note in one.saved()) == [26, 27, 34, 35]


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


def test_with_suggestions_hidden_the_model_colours_nothing_and_no_ring_leads(desk: Desks) -> None:
    one = opened(desk())
    one.page.select_option("#map-colour", "prediction")
    one.until("document.querySelector('.map-legend').textContent.includes('World16')")
    until_ink(one, 0, RING)
    one.page.locator("#panel-title").focus()
    one.press("h")
    one.until("document.getElementById('map-colour').value === 'label'")
    options = one.page.locator("#map-colour option").evaluate_all(
        "all => all.map((o) => [o.value, o.disabled, o.text])"
    )
    assert [value for value, disabled, _ in options if disabled] == ["prediction", "entropy"]
    assert all("suggestions are hidden" in text for _, disabled, text in options if disabled)
    one.until("document.querySelector('.map-legend').textContent.includes('World0')")
    one.page.wait_for_timeout(150)
    assert not ink(one, 0, RING)
    one.page.mouse.move(*at(one, 29))
    one.until("document.querySelector('.map-snippet') !== null")
    assert "the model thinks" not in one.page.locator(".map-about").text_content()
    one.page.locator("#panel-title").focus()
    one.press("h")
    one.until("!document.querySelector('#map-colour option[value=prediction]').disabled")


def ink(one: Any, row: int, *radii: float) -> int:
    """Counts what is drawn, on either canvas, on circles around a text's place; 0 is the place itself."""
    return int(
        one.page.evaluate(
            """([x, y, radii]) => {
              let drawn = 0;
              for (const canvas of document.querySelectorAll(".map-box canvas")) {
                const box = canvas.getBoundingClientRect();
                const copy = new OffscreenCanvas(canvas.width, canvas.height);
                const context = copy.getContext("2d", { willReadFrequently: true });
                context.drawImage(canvas, 0, 0);
                for (const r of radii) for (let turn = 0; turn < 64; turn += 1) {
                  const [px, py] = [x - box.left + r * Math.cos(turn / 10), y - box.top + r * Math.sin(turn / 10)];
                  const { data } = context.getImageData(Math.round(px) - 1, Math.round(py) - 1, 3, 3);
                  drawn += data.filter((value, i) => i % 4 === 3 && value > 0).length;
                }
              }
              return drawn;
            }""",
            [*at(one, row), list(radii)],
        )
    )


def until_ink(one: Any, row: int, *radii: float) -> None:
    for _ in range(100):
        if ink(one, row, *radii):
            return
        one.page.wait_for_timeout(40)
    raise AssertionError(f"nothing is drawn around text {row}")


def on_card(one: Any, row: int) -> None:
    one.until("row => document.getElementById('reading').dataset.row === row", str(row))


def test_the_map_never_marks_the_place_of_a_check_while_it_is_on_the_card(desk: Desks) -> None:
    one = opened(desk())
    one.page.select_option("#map-colour", "prediction")
    one.until("document.querySelector('.map-legend').textContent.includes('World16')")
    one.page.locator("#reading").focus()
    for row in range(8):
        on_card(one, row)
        until_ink(one, row, 0)  # a text that was asked has its point and its ring
        until_ink(one, row, RING)
        one.press("1")
    on_card(one, 8)
    blind = one.text()
    for _ in range(3):  # at once, after the marks were read, and after hovering
        one.page.wait_for_timeout(150)
        assert ink(one, 8, 0, 4, 5.5, RING) == 0
        one.page.mouse.move(*at(one, 8), steps=3)
        one.page.wait_for_timeout(500)
        shown = one.page.locator(".map-snippet")
        assert not shown.count() or shown.text_content() != blind
    one.press("2")
    on_card(one, 9)
    one.until("document.querySelector('.map-legend').textContent.includes('blind checks1')")
    until_ink(one, 8, 0, 4)  # once it is decided it has a place
    one.press("Backspace")
    on_card(one, 8)
    one.page.wait_for_timeout(150)
    assert ink(one, 8, 0, 4, 5.5, RING) == 0, "and none while it is on the card again"


def test_q_queues_a_region(desk: Desks) -> None:
    one = opened(desk())
    lasso(one, [32, 42])
    one.press("q")
    one.until("document.querySelector('.map-region-words').textContent.startsWith('6 texts queued')")
    assert one.saved() == [], "queueing decides nothing"
    one.page.locator("#reading").focus()
    seen = []
    for _ in range(16):  # what the page holds already comes first
        seen.append(int(one.page.locator("#reading").get_attribute("data-row")))
        one.press("1")
    assert sorted(set(seen) & {32, 33, 34, 40, 41, 42}) == [32, 33, 34, 40, 41, 42]


def test_what_is_mine_and_what_waits_are_told_apart(desk: Desks) -> None:
    one = opened(desk())
    words = one.page.locator(".map-legend").text_content()
    assert "next for you5" in words
    assert "in the queue4" in words
    assert "queued for you" not in words


def test_a_map_that_grows_sends_what_is_new_alone(desk: Desks) -> None:
    one = desk()
    answers: list[Any] = []
    one.page.on("response", lambda got: answers.append(got) if "/api/map?" in got.url else None)
    one.fake(later=4)
    opened(one)
    assert one.page.locator("#map-counts").text_content().startswith("54 texts"), "six of 60 are checks"
    one.page.mouse.move(*at(one, 29))
    one.until("document.querySelector('.map-snippet') !== null")
    one.fake(grown=True)
    one.until("document.getElementById('map-counts').textContent.startsWith('58 texts')")
    grown = [told for told in (answer.json() for answer in answers) if told["status"] == "ready"]
    assert [(told["since"], len(told["rows"])) for told in grown] == [(1, 4)]
    one.until("document.querySelector('.map-legend').textContent.includes('next for you5')")


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

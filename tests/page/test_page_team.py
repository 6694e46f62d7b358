"""The team in a real browser on the real server: invitation, login, roles, agreement, disagreements, logging out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from real_team import OWNERS_TOKEN, PASSWORD, Team, serving

Browsers = Callable[..., Any]
READY = "#reading .text"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with serving(tmp_path_factory.mktemp("team")) as served:
        yield served


@pytest.fixture
def browser(chromium: Any, team: Team) -> Iterator[Browsers]:
    """Gives a maker of pages, each in a browser of its own; a complaint on the console fails the test."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def hear(message: Any) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def make(path: str = "/", ready: str = READY, **context: Any) -> Any:
        size = {"width": 1280, "height": 900}
        contexts.append(chromium.new_context(**{"viewport": size, "reduced_motion": "reduce", **context}))
        contexts[-1].set_default_timeout(8_000)
        page = contexts[-1].new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(team.url + path)
        page.wait_for_selector(ready)
        return page

    yield make
    for one in contexts:
        one.close()
    assert not complaints, complaints


def login(page: Any, name: str, password: str = PASSWORD) -> Any:
    page.fill("#login-name", name)
    page.fill("#login-password", password)
    page.keyboard.press("Enter")
    return page


def entered(browser: Browsers, name: str, **context: Any) -> Any:
    page = login(browser(ready="[data-screen=login]", **context), name)
    page.wait_for_selector(READY)
    return page


def until(page: Any, expression: str) -> None:
    end = time.monotonic() + 8
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never: {expression}"
        page.wait_for_timeout(40)


def axe(page: Any) -> list[str]:
    checker = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.wait_for_timeout(350)  # colours in transition are measured wrongly
    found = checker.run(page).response["violations"]
    return [f"{v['impact']}: {v['id']}: {v['nodes'][0]['html'][:160]}" for v in found]


def test_a_wrong_password_says_so_and_the_right_one_opens_the_project(browser: Browsers) -> None:
    page = login(browser(ready="[data-screen=login]"), "Chi", "wrong password")
    page.wait_for_selector("[role=alert]:has-text('password is wrong')")
    assert page.input_value("#login-name") == "Chi", "what was typed stays"
    login(page, "Chi")
    page.wait_for_selector(READY)
    cookie = next(one for one in page.context.cookies() if one["name"] == "tyrogue_session")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


def test_labels_carry_the_name_of_who_is_logged_in(browser: Browsers, team: Team) -> None:
    page = entered(browser, "Chi")
    before = len(team.store.annotations(500, annotator="Chi"))
    page.keyboard.press("1")
    until(page, "document.getElementById('status').textContent.includes('all saved')")
    assert len(team.store.annotations(500, annotator="Chi")) == before + 1
    page.keyboard.press("Backspace")
    until(page, "document.getElementById('status').textContent.includes('all saved')")


def test_an_owner_invites_and_the_invited_labels(browser: Browsers, team: Team) -> None:
    owner = browser(f"/?token={OWNERS_TOKEN}")
    owner.keyboard.press("t")
    owner.fill("#invite-name", "Dée")
    owner.keyboard.press("Enter")
    address = owner.input_value("#invite-address")
    assert address.startswith(f"{team.url}/#invite=")
    owner.wait_for_selector(".open-links >> text=invitation until")
    guest = browser(address.removeprefix(team.url), ready="[data-screen=invitation]")
    guest.fill("#new-password", "too short")
    guest.keyboard.press("Enter")
    assert guest.locator("#new-password:invalid").count() == 1
    guest.fill("#new-password", "long enough, surely")
    guest.keyboard.press("Enter")
    guest.wait_for_selector(READY)
    assert "invite" not in guest.url
    assert team.store.annotators()[-1].name == "Dée"
    late = browser(address.removeprefix(team.url), ready="[data-screen=invitation]")
    late.fill("#new-password", "somebody else's one")
    late.keyboard.press("Enter")
    late.wait_for_selector("[role=alert]:has-text('was used')")


def test_an_annotator_sees_no_controls_of_owners(browser: Browsers) -> None:
    page = entered(browser, "Chi")
    page.keyboard.press("l")
    assert not page.locator(".dial").is_visible()
    page.keyboard.press("t")
    assert "You are Chi, annotator." in page.locator("#panel").text_content()
    assert page.locator(".people li").count() == 0
    page.keyboard.press("Escape")
    page.keyboard.press("h")
    until(page, "document.getElementById('announce').textContent.includes('for owners')")
    assert page.locator("button.action[aria-pressed=true]").count() == 1, "a refused change is taken back"


FIRST = """document.querySelector('.disputes').compareDocumentPosition(document.querySelector('.people'))
 & Node.DOCUMENT_POSITION_FOLLOWING"""


def test_a_reviewer_meets_disagreements_first_and_an_owner_people(browser: Browsers) -> None:
    for page, disputes_first in ((entered(browser, "Ben"), True), (browser(f"/?token={OWNERS_TOKEN}"), False)):
        page.keyboard.press("t")
        page.wait_for_selector(".disputes li")
        page.wait_for_selector(".people li")
        assert bool(page.evaluate(FIRST)) is disputes_first


def test_a_reviewer_settles_a_disagreement_by_keyboard(browser: Browsers, team: Team) -> None:
    page = entered(browser, "Ben")
    page.keyboard.press("t")
    page.wait_for_selector(".disputes li")
    waiting = team.store.dispute_count()
    row, tied = team.store.disputes()[0]
    assert tied, "ties come first"
    page.focus(".disputes li >> nth=0 >> button >> nth=2")
    page.keyboard.press("Enter")
    until(page, f"document.querySelector('#panel').textContent.includes('{waiting - 1} text')")
    assert team.store.label_of(row) == 2
    assert page.evaluate("document.activeElement.closest('.disputes') !== null"), "the next one has the focus"
    assert "alpha" in page.locator(".agreement").text_content()


def labeled(page: Any, team: Team, name: str, key: str = "2") -> str:
    """Labels the text on the card; gives the token of the decision."""
    before = len(team.store.annotations(500, annotator=name))
    page.keyboard.press(key)
    until(page, "document.getElementById('status').textContent.includes('all saved')")
    mine = team.store.annotations(500, annotator=name)
    assert len(mine) == before + 1
    return str(mine[0].token)


def stands(team: Team, token: str) -> bool:
    found = team.store.annotation_of(token)
    assert found is not None
    return not found.undone


def takes_back_the_card(page: Any, team: Team, token: str) -> None:
    page.keyboard.press("Backspace")
    until(page, "document.getElementById('announce').textContent === 'Taken back.'")
    until(page, "document.getElementById('status').textContent.includes('all saved')")
    assert not stands(team, token)


def test_backspace_takes_a_settlement_back_and_the_label_of_the_card_stands(browser: Browsers, team: Team) -> None:
    page = entered(browser, "Ben")
    token = labeled(page, team, "Ben")
    page.keyboard.press("t")
    page.wait_for_selector(".disputes li")
    waiting, (row, _) = team.store.dispute_count(), team.store.disputes()[0]
    before, card = team.store.label_of(row), page.locator("#reading").text_content()
    page.focus(".disputes li >> nth=0 >> button >> nth=3")
    page.keyboard.press("Enter")
    until(page, f"document.querySelector('.disputes').parentElement.textContent.includes('{waiting - 1} text')")
    assert team.store.label_of(row) == 3
    page.keyboard.press("Backspace")
    until(page, f"document.querySelector('.disputes').parentElement.textContent.includes('{waiting} text')")
    assert (team.store.label_of(row), team.store.disputes()[0][0]) == (before, row)
    assert stands(team, token)
    assert page.locator("#reading").text_content() == card
    assert page.evaluate("document.activeElement.closest('.disputes') !== null"), "the list keeps the focus"
    takes_back_the_card(page, team, token)


def test_backspace_takes_a_correction_back_and_the_label_of_the_card_stands(browser: Browsers, team: Team) -> None:
    page = entered(browser, "Ben")
    token = labeled(page, team, "Ben")
    page.keyboard.press("r")
    page.wait_for_selector(".review .entry")
    names = [one.name for one in team.store.classes()]
    row = int(page.locator(".review > li >> nth=4").get_attribute("data-row"))
    before, card = team.store.label_of(row), page.locator("#reading").text_content()
    assert before is not None
    wanted, at = (before + 1) % 4, "document.querySelectorAll('.review .entry')[4].textContent"
    page.focus(".review .entry >> nth=4")
    page.keyboard.press(str(wanted + 1))
    until(page, f"{at}.startsWith('{names[wanted]}')")
    assert team.store.label_of(row) == wanted
    page.keyboard.press("Backspace")
    until(page, f"{at}.startsWith('{names[before]}')")
    assert team.store.label_of(row) == before
    assert stands(team, token)
    assert page.locator("#reading").text_content() == card
    takes_back_the_card(page, team, token)


def test_logging_out_leads_to_the_login(browser: Browsers) -> None:
    page = entered(browser, "Ben")
    page.keyboard.press("t")
    page.click("text=Log out")
    page.wait_for_selector("[data-screen=login]")
    page.reload()
    page.wait_for_selector("[data-screen=login]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "viewport", [{"width": 1280, "height": 900}, {"width": 360, "height": 740}], ids=["wide", "phone"]
)
def test_axe_finds_nothing_and_nothing_is_too_wide(browser: Browsers, scheme: str, viewport: dict[str, int]) -> None:
    look = {"color_scheme": scheme, "viewport": viewport}
    page = browser(ready="[data-screen=login]", **look)
    assert axe(page) == [], "login"
    invited = browser("/#invite=abcdefghij", ready="[data-screen=invitation]", **look)
    assert axe(invited) == [], "invitation"
    owner = browser(f"/?token={OWNERS_TOKEN}", **look)
    owner.keyboard.press("t")
    owner.wait_for_selector(".disputes li")
    owner.fill("#invite-name", "Eve")
    owner.click(".invite button[type=submit]")
    owner.wait_for_selector("#invite-address")
    assert axe(owner) == [], "team"
    for one in (page, invited, owner):
        assert one.evaluate("document.scrollingElement.scrollWidth") <= viewport["width"]

"""Guessing passwords: one after the other, all at once, from many machines; and what it costs who is guessed at."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from desk import OWNERS_TOKEN, PASSWORD, Desk, client_of, member

from tyrogue.labeling import login, passwords
from tyrogue.labeling.app import create_app
from tyrogue.labeling.passwords import Guesses

BURST = 40


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(passwords, "time", made)
    return made


@pytest.fixture
def guarded(desk: Desk) -> Desk:
    """A desk with the account of Ada, at which one has to log in."""
    app = create_app(desk.engine, token=OWNERS_TOKEN)
    desk.client.app = app
    desk.client._transport.app = app
    member(desk, "Ada", "annotator")
    return desk


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were looked at, without the time that a hash takes."""
    seen: list[str] = []

    def fits(password: str, stored: str | None) -> bool:
        seen.append(password)
        return password == PASSWORD and stored is not None

    monkeypatch.setattr(login, "fits", fits)
    return seen


def attempt(desk: Desk, password: str, *, name: str = "Ada", address: str = "testclient") -> int:
    body = {"name": name, "password": password}
    return int(client_of(desk, address=address).post("/api/login", json=body).status_code)


def test_a_burst_of_wrong_passwords_is_no_faster_than_one_after_the_other(guarded: Desk) -> None:
    """Forty at once, each of which takes the time of a hash: five are looked at."""
    gate = threading.Barrier(BURST)

    def wrong(n: int) -> int:
        gate.wait()
        return attempt(guarded, f"wrong {n}")

    with ThreadPoolExecutor(BURST) as threads:
        told = Counter(threads.map(wrong, range(BURST)))
    assert told == {401: 5, 429: BURST - 5}
    assert attempt(guarded, PASSWORD) == 429


def test_reservations_are_exact_whatever_the_threads_do(clock: Clock) -> None:
    guesses, gate = Guesses(most=5, seconds=60), threading.Barrier(BURST)

    def reserve(_: int) -> bool:
        gate.wait()
        return guesses.reserve("ada") == 0

    with ThreadPoolExecutor(BURST) as threads:
        assert sum(threads.map(reserve, range(BURST))) == 5
    guesses.give_back("ada")
    assert [guesses.reserve("ada") == 0 for _ in range(2)] == [True, False]
    clock.now += 59
    assert guesses.reserve("ada") == pytest.approx(1)
    clock.now += 1
    assert [guesses.reserve("ada") == 0 for _ in range(6)] == [True] * 5 + [False]
    assert guesses.reserve("ben") == 0


def test_the_right_password_costs_nothing(guarded: Desk, quick: list[str]) -> None:
    assert {attempt(guarded, PASSWORD) for _ in range(12)} == {200}
    assert [attempt(guarded, "wrong") for _ in range(6)] == [401] * 5 + [429]


def test_many_machines_guess_one_name_no_faster(guarded: Desk, quick: list[str], clock: Clock) -> None:
    told = [attempt(guarded, f"wrong {n}", address=f"10.0.0.{n}") for n in range(BURST)]
    assert told == [401] * 20 + [429] * 20
    assert len(quick) == 20, "the others were not even looked at"
    assert attempt(guarded, "wrong", name="Ben", address="10.0.0.99") == 401, "another name"
    assert attempt(guarded, PASSWORD, address="10.0.0.98") == 429
    clock.now += 60
    assert attempt(guarded, PASSWORD, address="10.0.0.98") == 200, "nobody is locked out for long"


def test_who_is_guessed_at_comes_in_from_his_usual_place(guarded: Desk, quick: list[str], clock: Clock) -> None:
    assert attempt(guarded, PASSWORD, address="10.1.1.1") == 200
    for n in range(BURST):
        attempt(guarded, f"wrong {n}", address=f"10.0.0.{n}")
    assert attempt(guarded, PASSWORD, address="10.2.2.2") == 429
    assert attempt(guarded, PASSWORD, address="10.1.1.1") == 200
    there = [attempt(guarded, "wrong", address="10.1.1.1") for _ in range(6)]
    assert there == [401] * 5 + [429], "and guesses there no faster than anybody"


def test_a_link_works_while_its_owner_is_guessed_at(guarded: Desk, quick: list[str]) -> None:
    secret, _ = guarded.store.issue("Ada", "link", seconds=60)
    for n in range(BURST):
        attempt(guarded, f"wrong {n}", address=f"10.0.0.{n}")
    assert client_of(guarded).post("/api/login/link", json={"secret": secret}).status_code == 200


def test_one_address_guesses_no_name_after_the_other(guarded: Desk, quick: list[str]) -> None:
    told = [attempt(guarded, "wrong", name=f"person {n}") for n in range(BURST)]
    assert told == [401] * 30 + [429] * 10


def test_invented_names_do_not_wipe_out_what_was_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MOST_COUNTED", 10)
    guesses = Guesses(most=2, seconds=60)
    for n in range(100):
        if n % 5 == 0:
            guesses.reserve("ada")
        guesses.reserve(f"nobody {n}")
    assert guesses.reserve("ada") > 0
    assert len(guesses._attempts) <= 10


def test_a_burst_on_the_old_password_is_counted_too(guarded: Desk) -> None:
    browser, gate = member(guarded, "Ada", "annotator"), threading.Barrier(12)
    session = browser.cookies["tyrogue_session"]

    def wrong(n: int) -> int:
        mine = client_of(guarded, Cookie=f"tyrogue_session={session}")
        gate.wait()
        body = {"old": f"wrong {n}", "new": "quite another password"}
        return int(mine.put("/api/me/password", json=body).status_code)

    with ThreadPoolExecutor(12) as threads:
        assert Counter(threads.map(wrong, range(12))) == {403: 5, 429: 7}

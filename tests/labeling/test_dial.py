"""The dial ahead of time: previews say what will be, and moving the dial there costs nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from fastapi.testclient import TestClient
from small import Json, Session, session, without_delay

from tyrogue.labeling import preview
from tyrogue.labeling.app import create_app
from tyrogue.models import LinearClassifier
from tyrogue.pool import Inputs
from tyrogue.store import Round
from tyrogue.strategies import Tyrogue
from tyrogue.strategies.balance import balance
from tyrogue.types import Stage

BATCH, AUDITED = 10, 1


@pytest.fixture(autouse=True)
def _without_looking_around(monkeypatch: pytest.MonkeyPatch) -> None:
    without_delay(monkeypatch)


@pytest.fixture
def s(tmp_path: Path) -> Iterator[Session]:
    """A session with a model."""
    with session(tmp_path) as made:
        made.label(12)
        yield made


def client(s: Session) -> TestClient:
    return TestClient(create_app(s.engine), base_url="http://127.0.0.1", headers={"X-Tyrogue": "1"})


def newest(s: Session) -> set[int]:
    """Gives the rows of the newest round that the strategy chose."""
    last = s.store.rounds()[-1].number
    reference = set(s.project.corpus.reference.tolist())
    return {row for (number, _), row in s.queue() if number == last and row not in reference}


def infers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gives a list that grows with the rows that pass through the model."""
    rows: list[int] = []
    infer = LinearClassifier.infer

    def noting(self: LinearClassifier, inputs: Inputs) -> Any:
        rows.extend([] if inputs.rows is None else inputs.rows.tolist())
        return infer(self, inputs)

    monkeypatch.setattr(LinearClassifier, "infer", noting)
    return rows


@pytest.mark.parametrize("ratio", [1, 5, 8])
def test_a_preview_is_what_the_dial_then_gives(s: Session, ratio: int) -> None:
    assert s.engine.preview([1, 5, 8]) is None, "nobody has asked for 5 before"
    s.settle()
    found = s.engine.preview([1, 5, 8])
    assert found is not None
    shown: dict[int, Json] = {one["ratio"]: one for one in found["previews"]}
    assert sorted(shown) == [1, 5, 8]
    assert all(one["text"] for one in shown[ratio]["rows"])
    assert {one["facts"]["step"] for one in shown[ratio]["rows"]} == {"uncertain"}
    s.engine.change(ratio=ratio)
    s.settle()
    assert len(newest(s)) == BATCH - AUDITED
    assert {one["row"] for one in shown[ratio]["rows"]} == newest(s)


def test_moving_the_dial_to_where_it_was_prepared_computes_nothing(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    inferred, embedded = infers(monkeypatch), len(s.encoder.encoded)
    monkeypatch.setattr(Tyrogue, "stage", staged := MagicMock())
    before = newest(s)
    s.engine.change(ratio=8)
    s.settle()
    assert s.store.rounds()[-1].ratio == 8
    assert newest(s) != before
    assert inferred == []
    assert not staged.called
    assert len(s.encoder.encoded) == embedded


def test_no_text_passes_twice_through_the_same_model(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    inferred = infers(monkeypatch)
    s.label(1)
    model = s.pipeline.fitter.version
    for ratio in (5, 12, 3, 7):
        s.engine.change(ratio=ratio)
        s.settle()
    assert s.pipeline.fitter.version == model
    assert inferred
    assert len(set(inferred)) == len(inferred)


def test_candidates_pass_once_through_the_model_in_current_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with session(tmp_path, mode="current") as s:
        s.label(12)
        last = s.store.rounds()[-1]
        stage = s.store.stage(last.number)
        assert stage is not None
        inferred = infers(monkeypatch)
        s.engine.change(ratio=7)
        s.settle()
        assert s.store.rounds()[-1].ratio == 7
        assert not set(inferred) & set(stage.candidates.tolist())


def test_a_new_model_makes_a_new_preview(s: Session) -> None:
    before = s.engine.preview([3, 10])
    version = s.pipeline.fitter.version
    assert before is not None
    while s.pipeline.fitter.version == version:
        s.label(1)
    after = s.engine.preview([3, 10])
    assert after is not None
    assert after != before


def test_what_was_shown_is_not_previewed(s: Session) -> None:
    s.settle()
    older = {row for _, row in s.queue()} - newest(s)
    held = {item["row"] for item in s.ask(len(older) + 4)}  # reaches into the newest round
    found = s.engine.preview([3])
    assert found is not None
    rows = {one["row"] for one in found["previews"][0]["rows"]}
    assert rows
    assert not rows & held


def test_the_page_is_answered_at_once_and_the_trainer_later(s: Session) -> None:
    with client(s) as page:
        asked = page.get("/api/preview", params={"ratios": "2,17"})
        assert (asked.status_code, asked.json()) == (202, {"status": "preparing", "previews": []})
        s.settle()
        asked = page.get("/api/preview", params={"ratios": "2,17"})
        assert (asked.status_code, asked.json()["status"]) == (200, "ready")
        assert [one["ratio"] for one in asked.json()["previews"]] == [2, 17]
        for one in asked.json()["previews"]:
            assert len(one["rows"]) == BATCH - AUDITED
        assert page.get("/api/preview").status_code == 200, "1, 3 and 10 are there before anybody asks"


@pytest.mark.parametrize("ratios", ["0", "", "a", "1,2,3,4,5,6", "-3", "1001", "1;3"])
def test_ratios_that_cannot_be(s: Session, ratios: str) -> None:
    with client(s) as page:
        answer = page.get("/api/preview", params={"ratios": ratios})
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_strategy_without_a_dial_has_no_preview(tmp_path: Path) -> None:
    with session(tmp_path, strategy="random", parameters={}) as s, client(s) as page:
        assert page.get("/api/preview").status_code == 409
        s.label(12)
        waiting = s.waiting()
        s.engine.change(ratio=9)
        s.settle()
        assert s.waiting() == waiting, "nothing changes for a strategy that has no ratio"


def test_a_preview_that_cannot_be_made_disturbs_nobody(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    s.store.set("previews", None)
    monkeypatch.setattr("tyrogue.labeling.dial.publish", MagicMock(side_effect=ArithmeticError))
    assert s.engine.preview([19]) is None
    s.settle()
    assert s.engine.preview([19]) is None
    assert len(s.label(12)) == 12


def test_preparing_gives_way_to_the_hand_on_the_dial(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = s.pipeline.chooser.staged
    made: list[float] = []

    def moved_meanwhile(current: Round, *arguments: Any) -> Stage:
        made.append(current.ratio or 0)
        s.store.set("ratio", 6)
        stage: Stage = staged(current, *arguments)
        return stage

    assert s.engine.preview([23, 29]) is None
    monkeypatch.setattr(s.pipeline.chooser, "staged", moved_meanwhile)
    assert s.pipeline.step()
    assert made == [23], "the other one can wait"
    assert s.pipeline.step()
    assert s.store.rounds()[-1].ratio == 6


def test_what_was_asked_for_long_ago_is_not_prepared(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    assert s.engine.preview([23]) is None
    assert preview.wanted_of(s.store) == [23]
    now = time.time() + preview.WANTED_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: now)
    assert preview.wanted_of(s.store) == []


def test_auto_is_a_position_of_the_dial(s: Session) -> None:
    page = client(s)
    assert page.get("/api/state").json()["balance"] is None
    page.patch("/api/settings", json={"ratio": "auto"}).raise_for_status()
    s.settle()
    told = page.get("/api/state").json()
    assert told["settings"]["ratio"] == "auto"
    chosen = balance(s.pipeline.chooser.view(s.store.rounds()[-1], s.engine.plan, replacing=True))
    assert told["balance"] == pytest.approx(chosen._asdict())
    stage = s.store.stage(s.store.rounds()[-1].number)
    assert stage is not None
    assert len(stage.rows) == chosen.ratio * (BATCH - AUDITED)
    assert s.store.rounds()[-1].ratio is None, "the round says that nobody set it"
    page.patch("/api/settings", json={"ratio": 2}).raise_for_status()
    s.settle()
    assert s.store.rounds()[-1].ratio == 2
    assert page.get("/api/state").json()["balance"] is None


@pytest.mark.parametrize("ratio", ["seldom", 0, 2.5])
def test_a_setting_that_is_no_ratio(s: Session, ratio: object) -> None:
    answer = client(s).patch("/api/settings", json={"ratio": ratio})
    assert 400 <= answer.status_code < 500
    assert s.engine.plan.ratio == 3

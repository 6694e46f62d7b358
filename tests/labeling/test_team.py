"""Overlap, agreement, disagreements, adjudication, and what of it trains and comes out."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from desk import Desk
from hypothesis import given, settings
from hypothesis import strategies as st
from small import Session, make_project, without_delay

from tyrogue.labeling.agreement import agreement
from tyrogue.labeling.plan import Plan
from tyrogue.store import Vote

NOW = datetime(2025, 1, 1, tzinfo=UTC)
Said = dict[int, dict[str, int]]


def votes(said: Said, kind: str = "query") -> list[Vote]:
    return [Vote(row, who, c, kind, NOW, None, None) for row, by in said.items() for who, c in by.items()]


def alpha_by_pairs(said: Said) -> float | None:
    """Krippendorff's alpha, nominal, as its definition says: observed over expected disagreement of pairs."""
    units = [list(by.values()) for by in said.values() if len(by) > 1]
    values = [c for unit in units for c in unit]
    n = len(values)
    observed = sum(sum(a != b for a, b in itertools.permutations(unit, 2)) / (len(unit) - 1) for unit in units)
    expected = sum(a != b for a, b in itertools.permutations(values, 2)) / (n - 1) if n > 1 else 0
    return None if not expected else 1 - observed / expected


def kappa_by_hand(pairs: list[tuple[int, int]]) -> float | None:
    n = len(pairs)
    observed = sum(a == b for a, b in pairs) / n
    one, other = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(one[c] * other[c] for c in one) / n**2
    return None if expected == 1 else (observed - expected) / (1 - expected)


TABLES = st.dictionaries(
    st.integers(0, 12), st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2), min_size=1), max_size=12
)


@settings(max_examples=80, deadline=None)
@given(TABLES)
def test_agreement_is_what_the_definitions_say(said: Said) -> None:
    found = agreement(votes(said), classes=(0, 1, 2))
    shared = {row: by for row, by in said.items() if len(by) > 1}
    assert found["texts"] == len(shared)
    assert found["agreed"] == sum(len(set(by.values())) == 1 for by in shared.values())
    assert found["alpha"] == close(alpha_by_pairs(shared))
    for one in found["classes"]:
        against = {row: {who: int(c == one["class_id"]) for who, c in by.items()} for row, by in shared.items()}
        assert one["alpha"] == close(alpha_by_pairs(against))
        assert one["texts"] == sum(one["class_id"] in by.values() for by in shared.values())
    for one in found["pairs"]:
        a, b = one["annotators"]
        both = [(by[a], by[b]) for by in shared.values() if a in by and b in by]
        assert (one["texts"], one["agreed"]) == (len(both), sum(x == y for x, y in both))
        assert one["kappa"] == close(kappa_by_hand(both))


def close(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, abs=1e-4)


def test_second_looks_files_and_machines_are_no_opinions() -> None:
    said = {0: {"a": 0, "b": 1}, 1: {"a": 1, "b": 1}}
    whole = agreement(votes(said), (0, 1))
    with_others = votes(said) + votes({0: {"r": 0}, 1: {"r": 0}}, "review") + votes({0: {"f": 1}}, "import")
    with_others += votes({0: {"autopilot": 1}})
    assert agreement(with_others, (0, 1), machines=("autopilot",)) == whole


def test_nothing_shared_has_no_agreement() -> None:
    assert agreement([], (0, 1)) == {
        "texts": 0, "agreed": 0, "alpha": None, "pairs": [],
        "classes": [{"class_id": c, "texts": 0, "agreed": 0, "alpha": None} for c in (0, 1)],
    }  # fmt: skip


def label(desk: Desk, who: str, class_id: int, n: int = 1) -> list[int]:
    rows = []
    for item in desk.client.post("/api/next", json={"n": n, "annotator": who}).json()["items"]:
        body = {"token": f"{who}-{item['id']:08}", "item": item["id"], "action": "label", "class_id": class_id}
        assert desk.client.post("/api/annotations", json=body | {"annotator": who}).status_code == 201
        rows.append(int(item["row"]))
    return rows


def test_a_disagreement_is_listed_settled_and_exported_with_all_that_was_said(desk: Desk) -> None:
    assert desk.client.patch("/api/settings", json={"overlap": 2}).json()["overlap"] == 2
    (row,) = label(desk, "Ada", 0)
    assert label(desk, "Ben", 1) == [row]
    found = desk.client.get("/api/disagreements").json()
    assert (found["total"], found["rows"][0]["row"], found["rows"][0]["tied"]) == (1, row, True)
    assert {(vote["annotator"], vote["class_id"]) for vote in found["rows"][0]["votes"]} == {("Ada", 0), ("Ben", 1)}
    body = {"token": "settle-01", "row": row, "class_id": 0, "annotator": "Rob"}
    assert desk.client.post("/api/adjudications", json=body).status_code == 201
    assert desk.client.post("/api/adjudications", json=body).status_code == 201, "sent twice, recorded once"
    assert desk.client.get("/api/disagreements").json() == {"rows": [], "total": 0}
    lines = desk.client.get("/api/export?format=jsonl").text.splitlines()
    (exported,) = map(json.loads, lines)
    assert (exported["label"], exported["annotator"], exported["kind"]) == ("dogs", "Rob", "query")
    assert (exported["agreed"], exported["adjudicated"]) == (False, True)
    said = [(one["annotator"], one["label"], one["model_version"], one["kind"]) for one in exported["labels"]]
    assert said == [("Ada", "dogs", "m1", "query"), ("Ben", "cats", "m1", "query"), ("Rob", "dogs", None, "review")]
    (flat,) = csv.DictReader(io.StringIO(desk.client.get("/api/export?format=csv").text))
    assert [one["annotator"] for one in json.loads(flat["labels"])] == ["Ada", "Ben", "Rob"]
    assert desk.client.get("/api/export?format=parquet").status_code == 200


def test_an_export_of_one_annotator_has_no_columns_of_teams(desk: Desk) -> None:
    label(desk, "me", 0, n=3)
    header = desk.client.get("/api/export?format=csv").text.splitlines()[0]
    assert "adjudicated" not in header
    assert "labels" not in header


def test_agreement_over_http_follows_the_journal(desk: Desk) -> None:
    desk.client.patch("/api/settings", json={"overlap": 2})
    label(desk, "Ada", 0, n=4)
    assert desk.client.get("/api/agreement").json()["texts"] == 0
    label(desk, "Ben", 0, n=3)
    assert desk.client.get("/api/agreement").json()["texts"] == 3
    people = {one["name"]: one for one in desk.client.get("/api/team").json()["people"]}
    assert (people["Ada"]["labels"], people["Ben"]["today"]) == (4, 3)


@pytest.mark.parametrize(("overlap", "share"), [(0, 1.0), (21, 1.0), (2, 0.0), (2, 1.5)])
def test_an_overlap_that_cannot_be_is_refused(desk: Desk, overlap: int, share: float) -> None:
    answer = desk.client.patch("/api/settings", json={"overlap": overlap, "overlap_share": share})
    assert answer.status_code == 422
    assert desk.client.get("/api/state").json()["settings"]["overlap"] == 1


def test_the_share_of_texts_that_several_people_get_is_the_one_asked_for() -> None:
    plan = Plan(overlap=3, overlap_share=0.2, seed=5)
    several = [plan.annotators_of(row) is None for row in range(5_000)]
    assert 0.18 < sum(several) / len(several) < 0.22
    assert several == [Plan(overlap=2, overlap_share=0.2, seed=5).annotators_of(row) is None for row in range(5_000)]
    assert [plan.annotators_of(row) for row in range(9)] != [Plan(overlap_share=0.2).annotators_of(r) for r in range(9)]
    assert all(Plan(overlap=3).annotators_of(row) is None for row in range(9))


def test_nobody_waits_for_the_others_when_texts_are_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ada labels five batches while Ben sleeps; then Ben gets those that Ada had, in their order."""
    without_delay(monkeypatch)
    s = Session(make_project(tmp_path, 300, audit=0))
    try:
        s.engine.change(overlap=2)
        s.settle()
        hers = s.label(50, annotator="Ada")
        assert len(set(hers)) == 50
        assert s.label(10, annotator="Ben") == hers[:10]
    finally:
        s.close()


def test_a_tie_trains_nothing_and_a_settled_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_delay(monkeypatch)
    s = Session(make_project(tmp_path, 200, audit=0))
    try:
        s.engine.change(overlap=2)
        s.settle()
        rng = random.Random(1)
        tied = set()
        for _ in range(12):
            s.settle()
            (item,) = s.ask(1, "Ada")
            s.answer(item, annotator="Ada")
            (same,) = s.ask(1, "Ben")
            assert same["row"] == item["row"]
            wrong = rng.random() < 0.5
            gold = "inside" if item["text"].split()[0] in ("kitchen", "engine", "violin") else "outside"
            other = {"inside": "outside", "outside": "inside"}[gold]
            s.answer(same, other if wrong else gold, annotator="Ben")
            tied |= {item["row"]} if wrong else set()
        assert tied
        known, _ = s.pipeline.fitter.known.labels()
        assert tied.isdisjoint(known.tolist())
        assert len(known) == 12 - len(tied)
        settled = min(tied)
        s.engine.adjudicate(settled, 0, token="settle-01", annotator="Rob")
        assert settled in s.pipeline.fitter.known.labels()[0]
        s.engine.change(overlap=1)
        assert len(s.pipeline.fitter.known.labels()[0]) == 12, "without overlap a second label is a correction"
    finally:
        s.close()


def test_a_part_of_the_texts_goes_to_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_delay(monkeypatch)
    s = Session(make_project(tmp_path, 300, audit=0))
    try:
        s.engine.change(overlap=2, overlap_share=0.3)
        s.settle()
        hers = s.label(40, annotator="Ada")
        plan = s.engine.plan
        shared = [row for row in hers if plan.annotators_of(row) is None]
        assert 0 < len(shared) < 40
        his = [item["row"] for item in s.ask(len(shared), "Ben")]
        assert his == shared
    finally:
        s.close()

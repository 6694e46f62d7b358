"""Review and judgement over HTTP, as docs/api.md tells it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from desk import Desk, make_desk

from tyrogue.encoders.vectors import VectorFile
from tyrogue.labeling.report import JUDGEMENT
from tyrogue.labeling.reviewing import VECTORS
from tyrogue.labeling.suspects import SUSPECTS

Json = dict[str, Any]


@pytest.fixture
def labeled(desk: Desk) -> list[int]:
    """Labels eight texts, dogs and cats in turn; gives their rows, oldest first. The third is a blind check."""
    items = desk.client.post("/api/next", json={"n": 8}).json()["items"]
    for n, item in enumerate(items):
        body = {"token": f"token-{n:04}", "item": item["id"], "action": "label", "class_id": n % 2}
        assert desk.client.post("/api/annotations", json=body).status_code == 201
    return [item["row"] for item in items]


def listed(desk: Desk, **asked: Any) -> list[int]:
    """Gives the rows of all pages."""
    rows: list[int] = []
    after: Json = {}
    while True:
        page = desk.client.get("/api/review", params={**asked, **after})
        assert page.status_code == 200, page.text
        rows += [one["row"] for one in page.json()["labels"]]
        if page.json()["next"] is None:
            return rows
        after = {"after": page.json()["next"]}


def look(desk: Desk, row: int, **body: Any) -> Any:
    return desk.client.post(f"/api/review/{row}", json={"token": uuid.uuid4().hex, **body})


@pytest.mark.parametrize("limit", [1, 3, 8, 50])
def test_pages_hold_every_label_once_newest_first(desk: Desk, labeled: list[int], limit: int) -> None:
    assert listed(desk, limit=limit) == labeled[::-1]


def test_filters_and_words_go_together(desk: Desk, labeled: list[int]) -> None:
    assert listed(desk, class_id=1, limit=2) == labeled[1::2][::-1]
    assert listed(desk, kind="reference") == [labeled[2]]
    assert listed(desk, round=0) == labeled[::-1]
    assert listed(desk, round=1) == []
    assert listed(desk, annotator="nobody") == []
    cats = {row for row in labeled if row % 2 == 1}
    assert set(listed(desk, q="cats", limit=2)) == cats
    assert set(listed(desk, q="cats", class_id=0, limit=1)) == {row for row in labeled[0::2] if row in cats}


def test_the_search_sees_every_label_of_a_large_pool(tmp_path: Path) -> None:
    """Five thousand texts share a word; what was labeled stands where a search over all of them ends last."""
    texts = [f"common words {n}" for n in range(4_997)] + [
        "common words and many more of them " * 9 + str(n) for n in "abc"
    ]
    desk = make_desk(tmp_path, texts=texts)
    with desk.client:
        for n, row in enumerate((4_999, 12, 4_998)):
            item = desk.store.push(row, "search", annotator="me").id
            desk.store.annotate(token=f"{n}", item=item, annotator="me", action="label", class_id=n % 2)
        assert len(desk.project.corpus.search("common", 6_000)[0]) == 5_000
        assert sorted(listed(desk, q="common", limit=2)) == [12, 4_998, 4_999]
        assert listed(desk, q="common", class_id=1) == [12]
        assert sorted(listed(desk, q='"many more"', class_id=0, limit=1)) == [4_998, 4_999]
        assert listed(desk, q="...") == []
    desk.store.close()


def test_pages_of_a_search_for_few_among_many_hold_each_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tyrogue.labeling.reviewing.CHUNK", 4)
    rows = desk.store.teach(range(60), [int(row % 7 == 0) for row in range(60)], token="all", annotator="me")
    assert rows == 60
    for limit in (1, 2, 3, 9, 50):
        assert sorted(listed(desk, q="number", class_id=1, limit=limit)) == [*range(0, 60, 7)]


def test_a_correction_is_the_label_and_its_history_stays(desk: Desk, labeled: list[int]) -> None:
    row = labeled[3]
    now = look(desk, row, class_id=0, note="a dog after all")
    assert now.status_code == 201
    assert (now.json()["class_id"], now.json()["reviewed"], now.json()["labeled"]) == (0, True, 8)
    told = desk.client.get(f"/api/review/{row}").json()
    assert [(one["action"], one["class_id"], one["kind"]) for one in told["history"]] == [
        ("label", 1, "query"), ("label", 0, "review"),
    ]  # fmt: skip
    assert told["label"] == 0
    desk.client.post("/api/undo", json={"token": "undo-0001"})
    told = desk.client.get(f"/api/review/{row}").json()
    assert [(one["action"], one["undone"]) for one in told["history"]] == [
        ("label", False), ("label", True), ("undo", False),
    ]  # fmt: skip
    assert told["label"] == 1


def test_a_second_look_is_recorded_once(desk: Desk, labeled: list[int]) -> None:
    first = look(desk, labeled[0], token="again-0001", class_id=1).json()
    assert look(desk, labeled[0], token="again-0001", class_id=1).json()["id"] == first["id"]
    assert look(desk, labeled[1], token="again-0001", class_id=1).status_code == 409


def test_flags_and_notes(desk: Desk, labeled: list[int]) -> None:
    assert look(desk, labeled[4], action="flag").json()["flagged"]
    assert look(desk, labeled[4], action="note", note="ask Ada").json()["note"] == "ask Ada"
    assert listed(desk, only="flagged") == [labeled[4]]
    assert not look(desk, labeled[4], class_id=0).json()["flagged"]


def test_suspects_come_in_their_order_until_they_are_looked_at(desk: Desk, labeled: list[int]) -> None:
    doubts = [
        {"row": labeled[n], "label": n % 2, "predicted": 1 - n % 2, "probability": 0.9, "of_label": 0.1}
        for n in (5, 1, 6)
    ]
    desk.store.set(SUSPECTS, {"journal": 8, "labels": 8, "rows": doubts})
    assert listed(desk, suspected=True, limit=2) == [labeled[5], labeled[1], labeled[6]]
    first = desk.client.get("/api/review", params={"suspected": True}).json()["labels"][0]
    assert first["suspect"] == {"class_id": 0, "probability": 0.9}
    look(desk, labeled[5], class_id=1)  # right as it is
    look(desk, labeled[1], class_id=0)  # a mistake
    assert listed(desk, suspected=True) == [labeled[6]]


def test_texts_like_one_are_the_nearest(desk: Desk, labeled: list[int]) -> None:
    refused = desk.client.get("/api/review", params={"like": labeled[0]})
    assert refused.status_code == 422
    assert "not been embedded" in refused.json()["detail"]
    vectors = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    VectorFile.create(desk.project.cache_dir / "words", 8).write(np.arange(60, dtype=np.int64), vectors)
    desk.store.set(VECTORS, "words")
    mine = vectors[labeled[0]]
    cosine = {r: vectors[r] @ mine / np.linalg.norm(vectors[r]) / np.linalg.norm(mine) for r in labeled}
    assert listed(desk, like=labeled[0], limit=3) == sorted(labeled, key=lambda row: -cosine[row])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/review?after=nonsense", None, 422),
        ("GET", "/api/review?q=dogs&after=-3", None, 422),
        ("GET", "/api/review?limit=0", None, 422),
        ("GET", "/api/review?only=everything", None, 422),
        ("GET", "/api/review?like=100000", None, 422),
        ("GET", "/api/review/100000", None, 422),
        ("POST", "/api/review/59", {"token": "token-9999", "class_id": 1}, 422),
        ("POST", "/api/review/100000", {"token": "token-9999", "class_id": 1}, 422),
        ("POST", "/api/review/1", {"token": "token-9999", "action": "skip"}, 422),
        ("POST", "/api/promotion", {"on": True}, 409),
        ("POST", "/api/promotion", {"on": False}, 409),
        ("POST", "/api/promotion", {}, 422),
    ],
)
def test_what_cannot_be_gets_a_problem_that_says_why(
    desk: Desk, method: str, path: str, body: Json | None, status: int
) -> None:
    answer = desk.client.request(method, path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"]


def test_the_report_is_what_was_written_with_minutes_at_this_pace(desk: Desk, labeled: list[int]) -> None:
    nothing = desk.client.get("/api/judgement").json()
    assert (nothing["model"], nothing["audit"], nothing["reasons"]) == (None, None, [])
    gain = {"labels": 50, "source": "audit", "expected": 0.004, "low": -0.002, "high": 0.01}
    audit = {"n": 40, "correct": 30, "accuracy": 0.75, "low": 0.6, "high": 0.86}
    written = nothing | {"model": "m1", "journal": 10, "gain": gain, "audit": audit}
    warned = [{"name": "never", "words": "Class 'cats' is never predicted."}]
    desk.store.set(
        JUDGEMENT, {k: written[k] for k in written if k not in ("outlook", "promotion")} | {"warnings": warned}
    )
    told = desk.client.get("/api/judgement").json()
    assert "+0.4 points (−0.2 to +1.0), about " in told["outlook"]
    state = desk.client.get("/api/state").json()
    assert state["audit"] == audit
    assert state["judged"] == "m1/10/False"
    assert "Class 'cats' is never predicted." in state["warnings"]


def test_promotion_is_on_record(desk: Desk, labeled: list[int]) -> None:
    done = desk.client.post("/api/promotion", json={"on": True, "annotator": "Ada"})
    assert done.status_code == 200
    (entry,) = done.json()["promotion"]["record"]
    assert (entry["on"], entry["annotator"], entry["journal"]) == (True, "Ada", desk.store.journal_position())
    assert desk.client.post("/api/promotion", json={"on": True}).status_code == 409
    back = desk.client.post("/api/promotion", json={"on": False}).json()["promotion"]
    assert [one["on"] for one in back["record"]] == [True, False]
    assert not back["on"]


def test_exports_tell_checks_from_queried_labels(desk: Desk, labeled: list[int]) -> None:
    look(desk, labeled[2], class_id=1)
    look(desk, labeled[4], class_id=1)
    lines = desk.client.get("/api/export?format=jsonl").text.splitlines()
    exported = {one["row"]: one for one in map(json.loads, lines)}
    kinds = {row: one["kind"] for row, one in exported.items()}
    assert exported[labeled[4]]["adjudicated"], "that it was corrected is told beside"
    assert kinds[labeled[2]] == "reference", "also when it was corrected"
    assert {kinds[row] for row in labeled if row != labeled[2]} == {"query"}


def test_undo_takes_back_the_correction_that_is_meant_or_nothing(desk: Desk, labeled: list[int]) -> None:
    look(desk, labeled[3], token="look-0001", class_id=0)
    wrong = desk.client.post("/api/undo", json={"token": "undo-0001", "expected": "token-0007"})
    assert (wrong.status_code, wrong.headers["content-type"]) == (409, "application/problem+json")
    assert "Something else was decided" in wrong.json()["detail"]
    assert desk.store.label_of(labeled[3]) == 0
    right = desk.client.post("/api/undo", json={"token": "undo-0001", "expected": "look-0001"})
    assert right.status_code == 200
    assert right.json()["item"]["reserved_until"] is None
    assert desk.store.label_of(labeled[3]) == 1
    assert desk.client.post("/api/undo", json={"token": "undo-0002", "expected": "token-0007"}).status_code == 200
    assert labeled[7] not in desk.store.labels()[0]

"""Why this one, the map and regions, on a small project with a real pipeline, through the API."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from small import CLASSES, INSIDE, LAYOUT, Json, Session, WordEncoder, gold_of, session, text_of, without_delay

from tyrogue.labeling import atlas, layout
from tyrogue.labeling.app import create_app
from tyrogue.labeling.mapping import Mapper, beside
from tyrogue.labeling.near import NEAR, Candidates, repeats
from tyrogue.labeling.others import Others
from tyrogue.labeling.wishes import CHOICES

BATCH, AUDITED, CANDIDATES = 10, 1, 150
SKETCH = "import sys, numpy as np; v = np.load(sys.argv[1]); np.save(sys.argv[2], v[:, :2].astype(np.float32) * 9)"
"""Stands in for t-SNE where a test is not about it."""
REAL = (sys.executable, "-c", LAYOUT)


@pytest.fixture(autouse=True)
def _without_looking_around(monkeypatch: pytest.MonkeyPatch) -> None:
    without_delay(monkeypatch)


@pytest.fixture
def s(tmp_path: Path) -> Iterator[Session]:
    """A session with a model and a map."""
    with session(tmp_path) as made:
        made.label(12)
        with_map(made)
        yield made
        assert made.pipeline.mapper is not None
        made.pipeline.mapper.close()


def with_map(s: Session, *command: str) -> Mapper:
    pipeline = s.pipeline
    others = Others(s.store, pipeline.chooser)
    command = command or (sys.executable, "-c", SKETCH)
    mapper = pipeline.mapper = Mapper(s.project, s.store, pipeline.encoder, others, command=command)
    return mapper


def settle(s: Session) -> None:
    s.settle()
    until = time.monotonic() + 180
    while s.pipeline.mapper is not None and s.pipeline.mapper.busy:
        assert time.monotonic() < until
        time.sleep(0.2)
        s.settle()


def client(s: Session) -> TestClient:
    return TestClient(create_app(s.engine), base_url="http://127.0.0.1", headers={"X-Tyrogue": "1"})


def get(s: Session, path: str, status: int = 200) -> Json:
    answer = client(s).get(path)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def post(s: Session, path: str, body: Json, status: int = 201) -> Json:
    answer = client(s).post(path, json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def token() -> str:
    return uuid.uuid4().hex


def queried(s: Session) -> Json:
    return next(item for item in s.ask(20) if item["kind"] == "query" and item["model"])


# Why this one?


def test_why_tells_the_funnel_the_group_and_the_neighbours(s: Session) -> None:
    item = queried(s)
    told = get(s, f"/api/items/{item['id']}/why")
    assert told["funnel"]["pool"] == 400
    assert told["funnel"]["drawn"] == CANDIDATES
    assert told["funnel"]["asked"] == BATCH - AUDITED
    assert told["funnel"]["kept"] >= told["funnel"]["asked"]
    assert told["probabilities"] == item["probabilities"]
    assert told["model"]["version"] == item["model"]["version"]
    # An independent look: brute force over the words' vectors.
    unit = WordEncoder().encode([text_of(row) for row in range(400)])
    stage = s.store.stage(item["round"])
    assert stage is not None
    assert item["row"] in stage.rows
    mine = [
        row for row in stage.candidates.tolist() if stage.rows[np.argmax(unit[stage.rows] @ unit[row])] == item["row"]
    ]
    shown = [text["row"] for text in told["cluster"]["texts"]]
    assert set(shown) <= set(mine) - {item["row"]}
    assert len(shown) == min(5, len(mine) - 1)
    like = [text["similarity"] for text in told["cluster"]["texts"]]
    assert like == sorted(like, reverse=True)
    rows, _ = s.store.labels()
    rows = np.setdiff1d(rows, s.project.corpus.reference)
    best = rows[np.argsort(-(unit[rows] @ unit[item["row"]]), kind="stable")[:5]]
    assert [text["row"] for text in told["nearest"]] == best.tolist()
    names = {c.id: c.name for c in s.store.classes()}
    assert all(names[text["class_id"]] == gold_of(text["text"]) for text in told["nearest"])


def test_a_blind_check_says_nothing_that_could_lead(s: Session) -> None:
    blind = next(item for item in s.ask(20) if item["kind"] == "reference")
    told = get(s, f"/api/items/{blind['id']}/why")
    assert told["blind"]
    assert [told[name] for name in ("funnel", "cluster", "probabilities", "nearest", "model")] == [None] * 5


def test_with_suggestions_hidden_no_label_of_a_neighbour_is_told(s: Session) -> None:
    item = queried(s)
    s.engine.change(suggestions=False)
    told = get(s, f"/api/items/{item['id']}/why")
    assert told["nearest"] is None
    assert told["probabilities"] is None
    assert told["cluster"]["texts"]
    assert not any("class_id" in one for one in told["cluster"]["texts"] + told["near"])
    labeled = s.store.labels()[0].tolist()[:3]
    asked = f"/api/texts?rows={','.join(map(str, labeled))}"
    assert not any("class_id" in one for one in get(s, asked)["texts"])
    s.engine.change(suggestions=True)
    assert all(one["class_id"] is not None for one in get(s, asked)["texts"])


def test_with_suggestions_hidden_the_map_tells_no_opinion(s: Session) -> None:
    get(s, "/api/map")
    settle(s)
    assert get(s, "/api/map/opinions")["status"] == "ready"
    s.engine.change(suggestions=False)
    assert get(s, "/api/map/opinions") == {"status": "hidden"}
    s.engine.change(suggestions=True)
    assert get(s, "/api/map/opinions")["status"] == "ready"


def test_why_of_nothing(s: Session) -> None:
    get(s, "/api/items/999999/why", 422)
    get(s, "/api/texts?rows=3,x", 422)
    get(s, "/api/texts?rows=3,400", 422)
    assert [one["text"] for one in get(s, "/api/texts?rows=7,3")["texts"]] == [text_of(7), text_of(3)]


# Near-duplicates


@pytest.fixture
def repeating(tmp_path: Path) -> Iterator[Session]:
    """A session whose texts come three times each, with other signs."""
    with session(tmp_path, rename=lambda row: text_of(row // 3) + (" ", ".", "!")[row % 3] * 3) as made:
        yield made


def test_near_duplicates_come_as_one_card_and_are_labeled_with_consent(repeating: Session) -> None:
    s = repeating
    items = [item for item in s.ask(BATCH) if item["kind"] == "query"]
    core = [item["row"] // 3 for item in items]
    assert len(set(core)) == len(core), "copies of a text in one batch"
    item = next(item for item in items if item["facts"].get("near"))
    near = item["facts"]["near"]
    assert {row // 3 for row in near} == {item["row"] // 3}
    assert [one["row"] for one in get(s, f"/api/items/{item['id']}/why")["near"]] == near
    class_id = s.store.class_index()[1]
    body = {"token": token(), "item": item["id"], "action": "label", "class_id": class_id, "also": near}
    receipt = post(s, "/api/annotations", body)
    assert receipt["also"] == near
    assert receipt["labeled"] == 1 + len(near)
    assert s.store.labels()[0].tolist() == sorted([item["row"], *near])
    again = post(s, "/api/annotations", body, 200)
    assert again["also"] == near
    assert s.store.labels()[0].tolist() == sorted([item["row"], *near])
    undone = post(s, "/api/undo", {"token": token()}, 200)
    assert undone["together"] == 1 + len(near)
    assert undone["item"]["row"] == item["row"]
    assert len(s.store.labels()[0]) == 0
    assert s.ask(1)[0]["row"] == item["row"], "the text itself comes again, its copies do not"


def test_nobody_labels_copies_unasked(repeating: Session) -> None:
    s = repeating
    item = next(item for item in s.ask(BATCH) if item["facts"].get("near"))
    s.answer(item, CLASSES[0])
    assert s.store.labels()[0].tolist() == [item["row"]]
    body = {"token": token(), "item": item["id"], "action": "skip", "also": item["facts"]["near"]}
    post(s, "/api/annotations", body, 422)


def core_of(item: Json) -> int:
    return int(item["row"]) // 3


def test_copies_of_what_was_decided_do_not_come_again_in_later_batches(repeating: Session) -> None:
    s, seen = repeating, list[int]()
    decided, answered = set[int](), list[int]()
    for n in range(5 * BATCH):
        [item] = s.ask(1)
        if item["kind"] == "query":
            assert core_of(item) not in decided, f"text {n} repeats one that was decided before"
            seen.append(item["round"])
            decided.add(core_of(item))  # a copy of a check teaches: no model learns from the check
        if n % 7 == 3:
            body = {"token": token(), "item": item["id"], "action": "skip"}
            post(s, "/api/annotations", body)
        else:
            answered.append(s.answer(item)["row"])
        s.settle()
    assert len(set(seen)) >= 4, "several batches"
    assert len(decided) == len(seen)
    assert s.store.labels()[0].tolist() == sorted(answered), "nobody labels copies unasked"


def test_copies_are_asked_about_when_nothing_else_is_left(tmp_path: Path) -> None:
    copies = {"rename": lambda row: text_of(row // 3) + (" ", ".", "!")[row % 3] * 3}
    with session(tmp_path, n=24, audit=0, batch=4, **copies) as s:
        rows = list[int]()
        while s.ask(1):
            rows += s.label(1)
        assert sorted(row // 3 for row in rows[:8]) == list(range(8)), "each of the eight texts first"
        assert sorted(rows) == np.setdiff1d(np.arange(24), s.project.corpus.reference).tolist(), "then their copies"


def test_repeats_says_what_brute_force_says() -> None:
    rng = np.random.default_rng(5)
    taken = rng.normal(size=(30, 8)).astype(np.float32)
    taken /= np.linalg.norm(taken, axis=1, keepdims=True)
    mixed = taken[rng.integers(30, size=200)] + rng.normal(scale=0.12, size=(200, 8)).astype(np.float32)
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    rows, known = np.arange(200), np.arange(1000, 1030)
    words = {int(row): f"text {row % 40}" for row in rows} | {int(row): f"Text, {row % 40}!" for row in known}
    found = repeats(rows, mixed, Candidates(known, taken), lambda some: [words[int(row)] for row in some], block=37)
    like = mixed.astype(float) @ taken.T.astype(float)
    best = like.argmax(axis=1)
    same = np.array([row % 40 == known[other] % 40 for row, other in zip(rows, best, strict=True)])
    expected = (like.max(axis=1) >= NEAR) | ((like.max(axis=1) >= 0.9) & same)
    assert 20 < expected.sum() < 180
    assert np.array_equal(found, expected)
    nothing = Candidates(known[:0], taken[:0])
    assert not repeats(rows, mixed, nothing, lambda some: []).any()


# The map


def test_the_map_shows_candidates_labels_queue_and_checks(s: Session) -> None:
    assert get(s, "/api/map")["status"] == "preparing"
    settle(s)
    told = get(s, "/api/map")
    assert (told["status"], told["method"]) == ("ready", "tsne")
    marks = get(s, "/api/map/marks")
    rows = set(told["rows"])
    stages = [s.store.stage(number) for number in range(len(s.store.rounds()))]
    for stage in stages:
        assert stage is None or set(stage.candidates.tolist()) <= rows
    shown = {name: set(marks[name]) for name in ("rows", "mine", "waiting", "audit", "hidden")}
    assert shown["rows"] | shown["mine"] | shown["waiting"] | shown["audit"] <= rows
    assert marks["rows"] == s.store.labels()[0].tolist()
    reference = set(s.project.corpus.reference.tolist())
    assert shown["audit"] == reference & shown["rows"] != set()
    assert not (shown["mine"] | shown["waiting"]) & reference
    assert shown["hidden"] <= reference
    assert shown["hidden"], "a check waits"
    assert not shown["hidden"] & rows, "and has no place"
    assert all(0 <= place <= told["scale"] for place in told["x"] + told["y"])
    assert get(s, f"/api/map?known={told['version']}") == {"status": "unchanged", "version": told["version"]}


def test_what_is_mine_is_told_from_what_waits(s: Session) -> None:
    mine = {item["row"] for item in s.ask(3, "Ada")}
    others = {item["row"] for item in s.ask(4, "Ben")}
    reference = set(s.project.corpus.reference.tolist())
    ada, ben = (get(s, f"/api/map/marks?annotator={name}") for name in ("Ada", "Ben"))
    assert set(ada["mine"]) == mine - reference
    assert set(ben["mine"]) == others - reference
    assert set(ada["mine"]) | set(ada["waiting"]) == set(ben["mine"]) | set(ben["waiting"])
    assert not set(ada["mine"]) & set(ada["waiting"])
    assert get(s, "/api/map/marks")["mine"] == []


def test_an_undecided_check_is_hidden_also_after_an_undo_and_from_who_has_decided_it(s: Session) -> None:
    s.engine.change(overlap=2)
    check = next(item for item in s.ask(2 * BATCH, "Ada") if item["kind"] == "reference")
    s.answer(check, annotator="Ada")
    for name in ("Ada", "Ben"):
        marks = get(s, f"/api/map/marks?annotator={name}")
        assert check["row"] in marks["hidden"], "Ben may be asked about it yet"
        assert check["row"] not in marks["rows"] + marks["audit"], "what Ada said would lead him"
    s.ask(2 * BATCH, "Ben")
    s.answer(check, annotator="Ben")
    assert check["row"] in get(s, "/api/map/marks")["audit"]
    post(s, "/api/undo", {"token": token(), "annotator": "Ben"}, 200)
    assert check["row"] in get(s, "/api/map/marks?annotator=Ben")["hidden"]


def test_what_comes_later_is_sent_alone(s: Session) -> None:
    get(s, "/api/map")
    settle(s)
    before = get(s, "/api/map")
    assert "since" not in before
    s.label(2 * BATCH)
    settle(s)
    grown, whole = get(s, f"/api/map?known={before['version']}"), get(s, "/api/map")
    assert grown["since"] == before["version"]
    assert set(grown["rows"]) == set(whole["rows"]) - set(before["rows"]) != set()

    def places(told: Json) -> Json:
        return dict(zip(told["rows"], zip(told["x"], told["y"], strict=True), strict=True))

    assert places(before) | places(grown) == places(whole)
    for known in (0, whole["version"] + 7):
        assert get(s, f"/api/map?known={known}") == whole, "of a map that was drawn anew since, or of another"


def test_later_texts_are_put_beside_their_kind_and_nothing_moves(s: Session) -> None:
    with_map(s, *REAL)
    get(s, "/api/map")
    settle(s)
    before = get(s, "/api/map")
    s.label(2 * BATCH)
    settle(s)
    after = get(s, "/api/map")
    assert len(after["rows"]) > len(before["rows"])
    places = dict(zip(after["rows"], zip(after["x"], after["y"], strict=True), strict=True))
    kept = dict(zip(before["rows"], zip(before["x"], before["y"], strict=True), strict=True))
    assert {row: places[row] for row in kept} == kept
    fitted = {row: kept[row] for row in kept}
    for row in set(places) - set(kept):
        at = np.array(places[row])
        nearest = min(fitted, key=lambda other: float(np.hypot(*(np.array(fitted[other]) - at))))
        assert nearest % 6 == row % 6, "another topic"


def test_beside_is_where_the_neighbours_are() -> None:
    known = np.eye(4, dtype=np.float32)
    places = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    found = beside(known[[2]] * 0.999, known, places)
    assert np.allclose(found, [[0, 1]], atol=1e-3)
    halfway = (known[0] + known[3])[None] / np.sqrt(2, dtype=np.float32)
    assert np.allclose(beside(halfway, known, places), [[0.5, 0.5]], atol=1e-3)


def test_texts_put_beside_others_stand_among_their_kind_and_move_nobody() -> None:
    rng = np.random.default_rng(2)
    centers = 4 * rng.normal(size=(5, 12))
    kind = np.arange(600) % 5
    vectors = np.asarray(centers[kind] + rng.normal(scale=0.5, size=(600, 12)), np.float32)
    places = layout.tsne(vectors, 400)
    assert places.shape == (600, 2)
    at = np.array([places[:400][kind[:400] == one].mean(axis=0) for one in range(5)])
    apart = np.linalg.norm(places[400:, None] - at, axis=2)
    assert (apart.argmin(axis=1) == kind[400:]).mean() > 0.97
    standing = places[:400] * 3 + np.array(
        [40, -7], np.float32
    )  # another unit and another middle, as on a map that was kept
    found = layout.beside(vectors, standing)
    assert np.allclose(found[:400], standing, atol=1e-3), "those that stand there stay"
    apart = np.linalg.norm(found[400:, None] - (at * 3 + np.array([40, -7])), axis=2)
    assert (apart.argmin(axis=1) == kind[400:]).mean() > 0.97


def test_where_the_layout_of_later_texts_fails_they_stand_beside_their_neighbours(s: Session) -> None:
    get(s, "/api/map")
    settle(s)
    before = get(s, "/api/map")
    assert s.pipeline.mapper is not None
    s.pipeline.mapper.drawing.command = (sys.executable, "-c", "import sys; sys.exit(3)")
    s.label(2 * BATCH)
    settle(s)
    after = get(s, "/api/map")
    assert after["method"] == "tsne"
    assert set(before["rows"]) < set(after["rows"])
    assert set(get(s, "/api/map/marks")["rows"]) <= set(after["rows"])


def test_the_real_layout_keeps_topics_together(s: Session) -> None:
    mapper = with_map(s, *REAL)
    get(s, "/api/map")
    settle(s)
    drawn = mapper.atlas
    assert drawn is not None
    assert drawn.method == "tsne"
    distance = np.linalg.norm(drawn.places[:, None] - drawn.places[None], axis=2) + 9 * np.eye(len(drawn.rows))
    nearest = drawn.rows[distance.argmin(axis=1)]
    assert (nearest % 6 == drawn.rows % 6).mean() > 0.95
    assert not list((s.project.path / "map").glob("*.partial*"))


def test_a_layout_that_fails_leaves_the_sketch_and_labeling_alone(s: Session) -> None:
    with_map(s, sys.executable, "-c", "import sys; sys.exit(3)")
    get(s, "/api/map")
    settle(s)
    assert get(s, "/api/map")["method"] == "pca"
    assert len(s.label(5)) == 5


def test_a_damaged_map_is_drawn_anew(s: Session) -> None:
    get(s, "/api/map")
    settle(s)
    (s.project.path / "map" / "points.npy").write_bytes(b"\x93NUMPY cut")
    assert atlas.Atlas.load(s.project, s.store) is None
    assert get(s, "/api/map")["status"] == "preparing"
    with_map(s)
    settle(s)
    assert get(s, "/api/map")["status"] == "ready"


def test_opinions_are_the_models_and_say_nothing_of_checks(s: Session) -> None:
    assert get(s, "/api/map/opinions") == {"status": "preparing"}
    get(s, "/api/map")
    settle(s)
    places, told = get(s, "/api/map"), get(s, "/api/map/opinions")
    assert told["version"] == places["version"]
    assert told["model"] == s.pipeline.fitter.version
    assert told["stands_in"] is False
    model, rows = s.pipeline.fitter.model, np.array(places["rows"])
    assert model is not None
    blind = np.isin(rows, s.project.corpus.reference)
    assert blind.any()
    logits = model.infer(s.pipeline.fitter.inputs(rows)).logits
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = np.array(s.pipeline.fitter.class_ids)[p.argmax(1)]
    assert np.array_equal(np.array(told["class_ids"])[~blind], expected[~blind])
    entropy = -(p * np.log(p)).sum(1) / np.log(2)
    assert np.abs(np.array(told["entropy"])[~blind] - 100 * entropy[~blind]).max() <= 0.51
    assert {*np.array(told["class_ids"])[blind], *np.array(told["entropy"])[blind]} == {-1}


def test_what_others_would_pick(s: Session) -> None:
    for name in CHOICES:
        assert get(s, f"/api/map/picks?strategy={name}", 202)["status"] == "preparing"
    settle(s)
    last = s.store.last_round()
    assert last is not None
    stage = s.store.stage(last.number)
    assert stage is not None
    told = {name: get(s, f"/api/map/picks?strategy={name}") for name in CHOICES}
    for name, one in told.items():
        assert len(set(one["rows"])) == BATCH - AUDITED, name
        assert set(one["rows"]) <= set(stage.candidates.tolist()), name
    model = s.pipeline.fitter.model
    assert model is not None
    rows = stage.candidates[s.pipeline.chooser.open_pool(replacing=last.number).are_open(stage.candidates)]
    logits = model.infer(s.pipeline.fitter.inputs(rows)).logits
    doubt = -np.abs(logits[:, 0] - logits[:, 1])
    assert set(told["margin"]["rows"]) == set(rows[np.argsort(-doubt, kind="stable")[: BATCH - AUDITED]].tolist())
    get(s, "/api/map/picks?strategy=alps", 422)


def test_nothing_is_computed_for_a_map_that_nobody_opens(s: Session) -> None:
    settle(s)
    assert s.store.get("map_opinions") is None
    assert s.store.get("map")["method"] == "tsne", "the places are there when it is opened"


# Regions


def test_a_region_is_labeled_at_once_and_undone_at_once(s: Session) -> None:
    item = s.ask(1)[0]
    labeled, reference = s.store.labels()[0].tolist(), s.project.corpus.reference.tolist()
    wanted = [row for row in range(60, 90) if text_of(row).split()[0] in INSIDE and row not in reference]
    body = {"token": token(), "rows": [*wanted, labeled[0], reference[0]], "class_id": s.store.class_index()[1]}
    wanted = [row for row in wanted if row not in labeled]
    told = post(s, "/api/regions", body)
    assert told["rows"] == wanted
    assert told["left_out"]["audit"] == 1
    assert told["left_out"]["decided"] >= 1
    assert told["labeled"] == len(labeled) + len(wanted)
    assert post(s, "/api/regions", body)["rows"] == wanted, "sent twice, recorded once"
    kinds = {one.row: one.kind for one in s.store.label_records()}
    assert {kinds[row] for row in wanted} <= {"search", "query"}
    undone = post(s, "/api/undo", {"token": token()}, 200)
    assert undone["together"] == len(wanted)
    assert s.store.labels()[0].tolist() == labeled
    settle(s)
    assert s.ask(1)[0]["id"] == item["id"]
    assert s.store.rebuild() == 0


def test_a_region_is_queued_in_its_order(s: Session) -> None:
    closed = {*s.store.answered_rows().tolist(), *s.project.corpus.reference.tolist()}
    rows = [row for row in range(390, 300, -7) if row not in closed][:5]
    assert post(s, "/api/regions/queue", {"rows": rows})["rows"] == rows
    assert [item["row"] for item in s.ask(5)] == rows


def test_a_queued_region_is_taken_out_again(s: Session) -> None:
    coming = [item["id"] for item in s.ask(3)]
    closed = {*s.store.answered_rows().tolist(), *s.project.corpus.reference.tolist(), *s.waiting()}
    closed |= {*s.store.queued_rows().tolist()}
    rows = [row for row in range(390, 200, -7) if row not in closed][:5]
    s.engine.push(rows[2])  # somebody asked for this one before
    told = post(s, "/api/regions/queue", {"rows": rows})
    assert told["rows"] == rows
    assert told["new"] == [row for row in rows if row != rows[2]]
    decided = s.ask(1)[0]
    s.answer(decided)
    back = post(s, "/api/regions/withdraw", {"rows": told["new"]}, 200)
    assert back["rows"] == sorted({*told["new"]} - {decided["row"]})
    assert decided["row"] in s.store.labels()[0], "what was decided stays"
    assert [item["row"] for item in s.ask(1)] == [rows[2]]
    assert [item["id"] for item in s.ask(4)[1:]] == coming
    assert post(s, "/api/regions/withdraw", {"rows": told["new"]}, 200)["rows"] == []
    assert s.store.rebuild() == 0


def test_regions_that_cannot_be(s: Session) -> None:
    one, reference = s.store.class_index()[0], s.project.corpus.reference.tolist()
    for body, status in (
        ({"token": token(), "rows": [400], "class_id": one}, 422),
        ({"token": token(), "rows": [], "class_id": one}, 422),
        ({"token": token(), "rows": reference[:3], "class_id": one}, 409),
        ({"token": token(), "rows": [301], "class_id": 77}, 409),
    ):
        answer = post(s, "/api/regions", body, status)
        assert answer["detail"]
    assert 301 not in s.store.labels()[0]
    post(s, "/api/regions/queue", {"rows": reference[:2]}, 409)

"""The pipeline on a small project: what is asked next, when, and of whom."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from small import CLASSES, Json, Session, gold_of, make_project, session, text_of, wait_for, without_delay

from tyrogue.corpus.importing import import_source
from tyrogue.labeling import timing
from tyrogue.models import LinearClassifier
from tyrogue.pool import Inputs
from tyrogue.store import Item
from tyrogue.strategies import Tyrogue
from tyrogue.types import Labels

BATCH = 10


@pytest.fixture(autouse=True)
def _without_looking_around(monkeypatch: pytest.MonkeyPatch) -> None:
    without_delay(monkeypatch)
    monkeypatch.setattr("tyrogue.labeling.dial.RATIOS", ())  # test_dial.py is about those
    # What is asked depends on how long training takes; here it must not depend on how busy the machine is.
    monkeypatch.setattr("tyrogue.labeling.timing.Timing.expected_seconds", lambda *_: 0.5)
    monkeypatch.setattr("tyrogue.labeling.ahead.FIRST_SCREEN_SECONDS", 3600.0)


def entropies(items: Sequence[Item]) -> list[float]:
    """The entropy of each item's own probabilities, in float64."""
    shares = [np.array(item.probabilities, np.float64) for item in items if item.probabilities is not None]
    return [float(-(p * np.log(np.maximum(p, 1e-300))).sum()) for p in shares]


# The queue


def test_a_batch_is_always_ahead_while_the_pool_lasts(tmp_path: Path) -> None:
    with session(tmp_path, n=50) as s:
        for given in range(50):
            left = 50 - given
            assert s.store.ready() >= min(BATCH, left)
            assert s.store.ready() < 2 * BATCH
            s.label(1)
        assert s.engine.next(1) == {"items": [], "reason": "done"}


def test_training_starts_when_the_labels_still_missing_just_cover_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """30 seconds of training, 3 seconds a label, 40 labels a batch: it starts when 10 are missing, in every batch."""
    with session(tmp_path, batch=40, audit=0.0) as s:
        s.label(10)
        monkeypatch.setattr("tyrogue.labeling.timing.Timing.expected_seconds", lambda *_: 30.0)

        def trained() -> list[int]:
            return [model.labels for model in s.store.models()]

        for last in ([10], [10, 30], [10, 30, 70]):
            s.label(19 if len(last) == 1 else 39)
            assert trained() == last
            s.label(1)
        assert trained() == [10, 30, 70, 110]


def test_a_model_is_there_before_the_batch_that_it_shall_choose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fit of three labels' length: the model that chose a text knew all but three labels of the batches before."""
    with session(tmp_path, batch=20, audit=0.0) as s:
        monkeypatch.setattr("tyrogue.labeling.timing.Timing.expected_seconds", lambda *_: 9.0)
        s.label(40)
        for given in range(40, 80):
            [item] = s.ask(1)
            assert item["model"]["labels"] >= given // 20 * 20 - 3
            s.answer(item)
            s.settle()


def test_labels_are_learned_when_nobody_goes_on_however_near_the_end_of_the_batch_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with session(tmp_path, batch=20, audit=0.0) as s:
        s.label(10)
        monkeypatch.setattr("tyrogue.labeling.timing.Timing.expected_seconds", lambda *_: 9.0)
        s.label(7)
        assert s.store.models()[-1].labels == 10  # three are missing, and seven new ones are too few to train for now
        s.clock.passes(15.0)
        s.settle()
        assert s.store.models()[-1].labels == 10
        s.clock.passes(15.0)
        s.settle()
        assert s.store.models()[-1].labels == 17


def test_a_new_model_chooses_what_is_left_of_the_batch_that_is_handed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next batch is queued as soon as a text of this one is in hand; a model that comes then ranks both."""
    with session(tmp_path, batch=20, audit=0.0) as s:
        s.label(20)
        monkeypatch.setattr("tyrogue.labeling.timing.Timing.expected_seconds", lambda *_: 0.0)
        s.label(3)
        before = s.store.models()[-1].version
        assert len(s.store.rounds()) == 3
        s.pipeline.fitter.train_now(s.pipeline.plan)
        s.settle()
        after = s.store.models()[-1].version
        assert after != before
        waiting = [(n, item["model"]["version"]) for n, item in enumerate(s.ask(36))]
        assert waiting == [(n, after) for n in range(36)]  # 17 of this batch, 19 of the next


def test_texts_in_hand_count_as_taken_when_a_fit_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four people with five texts each: a fit as long as ten labels starts thirty labels before the batch is over."""
    people = [f"person {i}" for i in range(4)]
    with session(tmp_path, batch=60, audit=0.0) as s:
        s.label(10)
        monkeypatch.setattr("tyrogue.labeling.timing.Timing.expected_seconds", lambda *_: 10 * 3.0 / 4)
        for given in range(10, 50):
            in_hand = [s.ask(5, person)[0] for person in people]
            s.answer(in_hand[given % 4], annotator=people[given % 4])
            s.settle()
        first, second = (model.labels for model in s.store.models())
        assert first == 10
        assert 28 <= second <= 32


def test_labels_given_during_a_fit_are_learned_in_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with session(tmp_path, batch=40, audit=0.0) as s:
        s.label(10)
        monkeypatch.setattr("tyrogue.labeling.timing.Timing.expected_seconds", lambda *_: 30.0)
        s.label(19)
        s.label(1, settle=False)
        fitter = s.pipeline.fitter
        while not fitter.busy:
            assert s.pipeline.step()
        s.label(3, settle=False)
        s.settle()
        assert s.store.models()[-1].labels == 30
        s.label(36)
        assert s.store.models()[-1].labels == 30
        s.label(1)
        assert s.store.models()[-1].labels == 70


def test_strategies_know_what_was_predicted_before_each_label(tmp_path: Path) -> None:
    """What UHerding learns its temperature from."""
    with session(tmp_path, audit=0.0) as s:
        s.label(30)
        last = s.store.last_round()
        assert last is not None
        view = s.pipeline.chooser.view(last, s.pipeline.plan, replacing=True)
        known = ~np.isnan(view.before).any(axis=1)
        assert view.before.shape == (30, 2)
        assert known.any()
        assert not known.all()  # the first batch was asked without a model
        assert view.before[known].sum(1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("audit", [0.0, 0.1])
def test_every_text_is_asked_once_and_then_it_is_done(audit: float, tmp_path: Path) -> None:
    with session(tmp_path, n=40, audit=audit) as s:
        withheld = [] if audit else s.project.corpus.reference.tolist()
        assert sorted(s.label(40 - len(withheld))) == sorted(set(range(40)) - set(withheld))
        s.store.report("trainer", {"phase": "waiting"})
        assert s.engine.next(1) == {"items": [], "reason": "done"}
        assert not s.pipeline.step(), "there is nothing to do, so that nothing must be done"


def test_texts_that_are_added_end_the_exhaustion(tmp_path: Path) -> None:
    with session(tmp_path, n=30) as s:
        s.label(30)
        more = tmp_path / "more.csv"
        more.write_text("text\n" + "".join(f"{text_of(row)}\n" for row in range(40)))
        import_source(more, s.project.path, index_search=False)
        s.restart()
        s.settle()
        assert sorted(s.label(10)) == list(range(30, 40))


def test_exact_copies_are_asked_once(tmp_path: Path) -> None:
    project = make_project(tmp_path, n=30)
    copies = tmp_path / "copies.csv"
    copies.write_text("text\n" + "".join(f"{text_of(row)}\n{text_of(row)}\n" for row in range(30)))
    import_source(copies, project.path, index_search=False)
    s = Session(project)
    s.settle()
    assert len(s.project.corpus) == 60
    texts = s.project.corpus.texts(np.array(s.label(30)))
    assert len(set(texts)) == 30
    assert s.ask(1) == []
    s.close()


def test_several_people_never_get_the_same_text(tmp_path: Path) -> None:
    people = ["ann", "ben", "cy"]
    with session(tmp_path) as s:
        given: list[int] = []
        for turn in range(24):
            annotator = people[turn % 3]
            held = s.ask(3, annotator)
            s.answer(held[turn % 3], annotator=annotator)  # not always the first one
            given.append(held[turn % 3]["row"])
            s.settle()
            in_hand = [row for who in people for row in (item["row"] for item in s.ask(3, who))]
            assert len(set(in_hand)) == 9
            assert not set(in_hand) & set(given)
            s.settle()
            assert s.store.ready() >= BATCH
        assert len(set(given)) == 24


# Ranking, and ranking again


def test_the_newest_model_ranks_what_nobody_has_seen_and_nothing_else(tmp_path: Path) -> None:
    with session(tmp_path) as s:
        s.label(9)
        held = s.ask(4)
        s.settle()
        before = s.waiting()
        assert s.pipeline.fitter.version == ""
        s.label(2)
        assert s.pipeline.fitter.version == "m1"
        assert [item["row"] for item in s.ask(2)] == [item["row"] for item in held[2:]], "what was reserved has changed"
        newest = [s.store.item(item["id"]) for item in s.ask(20)][2:]
        newest = [item for item in newest if item.kind == "query" and item.round == s.store.rounds()[-1].number]
        assert len(newest) >= 5
        assert {item.model_version for item in newest} == {"m1"}
        assert entropies(newest) == sorted(entropies(newest), reverse=True), "not the most doubtful ones first"
        assert {item.row for item in newest} != set(before[-len(newest) :])


def test_only_candidates_of_the_stage_are_asked_and_the_most_doubtful_of_them(tmp_path: Path) -> None:
    with session(tmp_path, audit=0.0) as s:
        s.label(21)
        last = s.store.rounds()[-1]
        stage = s.store.stage(last.number)
        assert stage is not None
        assert len(stage.candidates) == 150
        assert len(stage.rows) == 3 * BATCH
        model = s.pipeline.fitter.model
        assert model is not None
        logits = model.infer(s.pipeline.fitter.inputs(stage.rows)).logits.astype(np.float64)
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        doubt = -(shares * np.log(np.maximum(shares, 1e-300))).sum(1)
        waiting = s.waiting()[-BATCH:]
        taken = np.isin(stage.rows, waiting)
        assert taken.sum() == BATCH
        assert doubt[taken].min() >= doubt[~taken].max() - 1e-6


@pytest.mark.parametrize("ratio", [1, 5])
def test_the_dial_chooses_again_what_nobody_has_seen(ratio: int, tmp_path: Path) -> None:
    with session(tmp_path) as s:
        s.label(22)
        held = s.ask(3)
        s.settle()
        embedded, seen = len(s.encoder.encoded), [item["id"] for item in held]
        candidates = s.store.stage(s.store.rounds()[-1].number)
        s.engine.change(ratio=ratio)
        s.settle()
        last = s.store.rounds()[-1]
        stage = s.store.stage(last.number)
        assert stage is not None
        assert candidates is not None
        assert last.ratio == ratio
        assert len(stage.rows) == ratio * (BATCH - 1)
        assert set(stage.candidates) <= set(candidates.candidates), "other texts were drawn"
        assert len(s.encoder.encoded) == embedded, "texts were embedded again"
        assert [item["id"] for item in s.ask(3)] == seen
        assert s.store.ready() >= BATCH


def test_the_dial_moved_there_and_back_changes_nothing(tmp_path: Path) -> None:
    with session(tmp_path) as s:
        s.label(22)
        before = s.waiting()
        for ratio in (8, 1, 3):
            s.engine.change(ratio=ratio)
            s.settle()
        assert s.waiting() == before


def test_a_new_batch_size_holds_at_once(tmp_path: Path) -> None:
    with session(tmp_path) as s:
        s.label(12)
        s.engine.change(batch=25)
        s.settle()
        assert s.store.rounds()[-1].size == 25
        assert 25 <= s.store.ready() < 50
        s.engine.change(batch=4)
        s.label(12)
        assert s.store.rounds()[-1].size == 4
        assert 4 <= s.store.ready() < 4 + 25


# The audit


def audited(s: Session, n: int) -> tuple[list[int], list[Json]]:
    """Labels n texts; gives the reference rows among them in order, and their items as the page got them."""
    items = []
    for _ in range(n):
        [item] = s.ask(1)
        items.append(item)
        s.answer(item)
        s.settle()
    shown = [item for item in items if item["kind"] == "reference"]
    return [item["row"] for item in shown], shown


def test_a_tenth_is_audited_blind_and_never_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: set[int] = set()
    fit = LinearClassifier.fit

    def noting(self: LinearClassifier, inputs: Inputs, labels: Labels, **named: Any) -> Any:
        assert inputs.rows is not None
        trained.update(inputs.rows.tolist())
        return fit(self, inputs, labels, **named)

    monkeypatch.setattr(LinearClassifier, "fit", noting)
    with session(tmp_path) as s:
        rows, items = audited(s, 60)
        assert len(rows) == 6
        assert set(rows) <= set(s.project.corpus.reference.tolist())
        for item in items:
            assert item["suggestion"] is item["probabilities"] is item["model"] is None
            assert s.store.item(item["id"]).blind
        by_round = Counter(item["round"] for item in items)
        assert set(by_round.values()) == {1}, "one in each batch of ten"
        assert len(trained) > 40
        assert not trained & set(s.project.corpus.reference.tolist())
        assert s.engine.state()["audit"]["n"] >= len(rows) - 2


def test_the_audit_asks_in_a_random_order_that_depends_on_nothing(tmp_path: Path) -> None:
    orders = []
    for name, settings in (
        ("a", {"audit": 0.4}),
        ("b", {"batch": 15, "audit": 0.5}),
        ("c", {"strategy": "random", "parameters": {}, "audit": 0.5}),
    ):
        (tmp_path / name).mkdir()
        with session(tmp_path / name, n=300, **settings) as s:
            orders.append(audited(s, 20)[0])
    shortest = min(map(len, orders))
    assert shortest >= 5
    assert orders[0][:shortest] == orders[1][:shortest] == orders[2][:shortest]
    assert orders[1] != sorted(orders[1])
    assert orders[1] != sorted(orders[1], reverse=True)


def test_a_batch_that_is_chosen_again_halfway_keeps_its_share(tmp_path: Path) -> None:
    with session(tmp_path, audit=0.2) as s:
        s.label(11)
        s.label(2, settle=False)
        s.pipeline.fitter.train_now(s.pipeline.plan)
        wait_for(lambda: s.pipeline.fitter.finished, "the fit ends")
        newest = s.store.rounds()[-1].number
        older = [row for (number, _), row in s.queue() if number < newest]
        held = s.ask(len(older) + 6)  # seen before the model is taken over
        assert [item["kind"] for item in held if item["round"] == newest].count("reference") == 1
        s.settle()
        kinds = Counter(item["kind"] for item in s.ask(60) if item["round"] == newest)
        assert kinds == {"query": 8, "reference": 2}


def test_a_plan_that_does_not_work_ahead_learns_every_label_before_it_asks_on(tmp_path: Path) -> None:
    with session(tmp_path, audit=0.0, ahead=False) as s:
        learned = 0
        for batch in range(3):
            assert s.store.ready() == BATCH
            items = s.ask(BATCH)
            assert {item["model"] and item["model"]["labels"] for item in items} == {learned or None}
            for item in items[:-1]:
                s.answer(item)
                s.settle()
                assert s.store.ready() == 0, "the next batch must wait for the last label"
            if batch:
                s.engine.submit(token=uuid.uuid4().hex, item=items[-1]["id"], action="skip")
            else:
                s.answer(items[-1])
            s.settle()
            learned += BATCH - bool(batch)
            assert s.store.models()[-1].labels == learned


# What is learned


def test_what_is_undone_is_not_learned_and_comes_back_first(tmp_path: Path) -> None:
    with session(tmp_path, audit=0.0) as s:
        rows = s.label(25)
        for back in range(1, 13):  # across the batch before
            undone = s.engine.undo(token=uuid.uuid4().hex)
            assert undone is not None
            assert undone["item"]["row"] == rows[-back]
            s.settle()
        s.clock.passes(timing.IDLE_SECONDS + 1)
        s.settle()
        assert s.pipeline.fitter.training_labels()[0].tolist() == sorted(rows[:13])
        assert s.store.models()[-1].labels == 13
        assert [item["row"] for item in s.ask(12)] == rows[13:]


def test_a_corrected_label_is_learned(tmp_path: Path) -> None:
    with session(tmp_path, audit=0.0) as s:
        s.label(12)
        [item] = s.ask(1)
        s.answer(item, "inside")
        s.engine.undo(token=uuid.uuid4().hex)
        s.answer(item, "outside")
        s.clock.passes(timing.IDLE_SECONDS + 1)
        s.settle()
        rows, labels = s.pipeline.fitter.training_labels()
        assert labels[rows.tolist().index(item["row"])] == CLASSES.index("outside")


def test_a_class_added_on_the_way_is_learned(tmp_path: Path) -> None:
    with session(tmp_path, audit=0.0) as s:
        s.label(12)
        assert s.pipeline.fitter.model is not None
        assert s.pipeline.fitter.model.n_classes == 2
        ice = s.store.add_class("ice").id
        for _ in range(24):
            [item] = s.ask(1)
            s.answer(item, "ice" if item["text"].startswith("glacier") else gold_of(item["text"]))
            s.settle()
        assert s.pipeline.fitter.model.n_classes == 3
        item = next(item for item in s.ask(5) if item["probabilities"])
        assert ice in {p["class_id"] for p in item["probabilities"]}


def test_a_class_merged_on_the_way_is_one(tmp_path: Path) -> None:
    with session(tmp_path, audit=0.0) as s:
        s.store.add_class("garden")
        for _ in range(22):
            [item] = s.ask(1)
            s.answer(item, "garden" if item["text"].startswith("meadow") else None)
            s.settle()
        assert s.pipeline.fitter.model is not None
        assert s.pipeline.fitter.model.n_classes == 3
        s.store.merge_class(2, 0)
        s.label(12)
        assert s.pipeline.fitter.model.n_classes == 2
        rows, labels = s.pipeline.fitter.training_labels()
        expected = [CLASSES.index(gold_of(text)) for text in map(str, s.project.corpus.texts(rows))]
        assert labels.tolist() == expected


def test_classes_may_be_named_after_the_first_texts_are_there(tmp_path: Path) -> None:
    project = make_project(tmp_path, classes=())
    s = Session(project)
    s.settle()
    assert s.store.ready() == BATCH
    for name in CLASSES:
        s.store.add_class(name)
    s.label(12)
    assert s.pipeline.fitter.version == "m1"
    s.close()


def test_one_class_alone_teaches_nothing_and_stops_nobody(tmp_path: Path) -> None:
    with session(tmp_path) as s:
        for _ in range(30):
            s.answer(s.ask(1)[0], "inside")
            s.settle()
        assert s.pipeline.fitter.model is None
        assert s.store.ready() >= BATCH


# Strategies


@pytest.mark.parametrize(
    "strategy", ["random", "entropy", "badge", "badge:cold", "margin", "typiclust", "tyrogue:current"]
)
def test_other_strategies_choose_in_the_same_session(strategy: str, tmp_path: Path) -> None:
    name, _, mode = strategy.partition(":")
    parameters = {"candidates": 150} if name == "tyrogue" else {}
    with session(
        tmp_path, n=120, strategy=name, parameters=parameters, mode="current" if mode == "current" else "cached"
    ) as s:
        asked = s.label(24)
        assert len(set(asked)) == 24
        steps = {item["facts"].get("step") for item in s.ask(10) if item["kind"] == "query"}
        assert len(steps) == 1
        assert s.store.rounds()[-1].strategy == name


def test_entropy_asks_what_the_model_doubts_most_in_the_whole_pool(tmp_path: Path) -> None:
    with session(tmp_path, n=120, strategy="entropy", parameters={}, audit=0.0) as s:
        asked = s.label(21)
        waiting = s.waiting()[-BATCH:]
        model = s.pipeline.fitter.model
        assert model is not None
        shown = {item.row for item in s.store.reserve("me", 30)} - set(waiting)
        others = set(range(120)) - set(asked) - shown - set(s.project.corpus.reference.tolist()) - set(waiting)
        doubt = {}
        for row in [*others, *waiting]:
            logits = model.infer(s.pipeline.fitter.inputs(np.array([row]))).logits[0].astype(np.float64)
            p = np.exp(logits - logits.max())
            p /= p.sum()
            doubt[row] = float(-(p * np.log(np.maximum(p, 1e-300))).sum())
        assert min(doubt[row] for row in waiting) >= max(doubt[row] for row in others) - 1e-6


# The same again


@pytest.mark.parametrize("strategy", ["tyrogue", "badge", "random"])
def test_the_same_answers_get_the_same_questions(strategy: str, tmp_path: Path) -> None:
    runs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        parameters = {"candidates": 150} if strategy == "tyrogue" else {}
        with session(tmp_path / name, n=150, strategy=strategy, parameters=parameters) as s:
            runs.append(s.label(32))
    assert runs[0] == runs[1]


def test_a_restart_at_any_step_asks_the_same(tmp_path: Path) -> None:
    for name in ("straight", "restarted"):
        (tmp_path / name).mkdir()
    with session(tmp_path / "straight", n=150) as s:
        expected = s.label(24)
    with session(tmp_path / "restarted", n=150) as s:
        asked = []
        for _ in range(24):
            asked += s.label(1, settle=False)
            s.restart()
            s.settle()
    assert asked == expected


def test_a_restart_does_not_stage_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with session(tmp_path) as s:
        s.label(12)
        waiting = s.waiting()
        s.restart()
        monkeypatch.setattr(Tyrogue, "stage", staged := MagicMock())
        s.settle()
        assert s.waiting() == waiting
        assert not staged.called

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator
from sklearn.metrics import accuracy_score, f1_score

from tyrogue.errors import UsageError
from tyrogue.experiments.data import Examples, Task
from tyrogue.experiments.simulate import Round, simulate
from tyrogue.learner import Learner
from tyrogue.protocols import Strategy, View
from tyrogue.strategies import Entropy, Random, Tyrogue
from tyrogue.types import Rows, Selection

if TYPE_CHECKING:
    from tests.experiments.conftest import Toy

SMALL = Tyrogue(candidates=80)


def curve(toy: Toy, strategy: Strategy, **options: Any) -> list[dict[str, Any]]:
    """All of a run but its seconds, which no two runs share."""
    run = simulate(toy.task, strategy, toy.model, toy.embedder, **{"batch": 20, "budget": 70, **options})
    return [{k: v for k, v in r.line().items() if not k.endswith("seconds")} for r in run.rounds]


@pytest.mark.parametrize("strategy", [Random(), Entropy(), SMALL], ids=str)
def test_budget_is_spent_exactly_and_no_row_twice(toy: Toy, strategy: Strategy) -> None:
    rounds = curve(toy, strategy)
    assert [r["labeled"] for r in rounds] == [20, 40, 60, 70]
    rows = [row for r in rounds for row in r["rows"]]
    assert len(rows) == len(set(rows)) == 70


def test_a_pool_smaller_than_the_budget_ends_the_run(toys: Callable[..., Toy]) -> None:
    rounds = curve(toys(n_train=45), SMALL)
    assert [r["labeled"] for r in rounds] == [20, 40, 45]


@settings(max_examples=10)
@given(batch=st.integers(1, 40), budget=st.integers(1, 90), pool=st.integers(1, 80))
def test_any_batch_and_budget(toys: Callable[..., Toy], batch: int, budget: int, pool: int) -> None:
    rounds = curve(toys(n_train=pool), Random(), batch=batch, budget=budget)
    assert rounds[-1]["labeled"] == min(budget, pool)
    assert all(len(r["rows"]) == batch for r in rounds[:-1])


def test_scores_are_those_of_the_model_on_the_test_set(toy: Toy) -> None:
    run = simulate(toy.task, SMALL, toy.model, toy.embedder, batch=20, budget=40)
    predicted = run.learner.model.infer(toy.task.test_inputs(toy.embedder)).logits.argmax(1)
    assert run.rounds[-1].accuracy == pytest.approx(accuracy_score(toy.task.test.labels, predicted))
    assert run.rounds[-1].macro_f1 == pytest.approx(f1_score(toy.task.test.labels, predicted, average="macro"))
    assert run.rounds[-1].labeled == len(run.learner.pool.labeled)
    assert (run.learner.pool.labels == toy.task.train.labels[run.learner.pool.labeled]).all()


def test_the_same_seed_gives_the_same_run_and_another_another(toy: Toy) -> None:
    assert curve(toy, SMALL, seed=1) == curve(toy, SMALL, seed=1)
    assert curve(toy, SMALL, seed=1) != curve(toy, SMALL, seed=2)


def test_strategies_share_their_random_first_batch(toy: Toy) -> None:
    warm = [curve(toy, s, start="random", seed=3)[0]["rows"] for s in (Random(), Entropy(), SMALL)]
    assert warm[0] == warm[1] == warm[2]
    # One that cannot start cold gets that batch in a cold start too; one that can does not.
    assert curve(toy, Entropy(), start="cold", seed=3)[0]["rows"] == warm[0]
    assert curve(toy, SMALL, start="cold", seed=3)[0]["rows"] != warm[0]


@pytest.mark.parametrize("continue_training", [False, True])
@pytest.mark.parametrize("strategy", [Random(), Entropy(), SMALL], ids=str)
@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_resumed_run_is_the_uninterrupted_run(
    toy: Toy, strategy: Strategy, kept: int, continue_training: bool
) -> None:
    whole = simulate(
        toy.task, strategy, toy.model, toy.embedder, batch=20, budget=90, continue_training=continue_training
    )
    # Through JSON, as a result file holds it.
    done = [Round.parse(json.loads(json.dumps(r.line()))) for r in whole.rounds[:kept]]
    told: list[Round] = []
    resumed = simulate(
        toy.task, strategy, toy.model, toy.embedder,
        batch=20, budget=90, continue_training=continue_training, done=done, on_round=told.append,
    )  # fmt: skip
    assert [r.rows for r in resumed.rounds] == [r.rows for r in whole.rounds]
    assert [r.model_version for r in resumed.rounds] == [r.model_version for r in whole.rounds]
    assert [r.macro_f1 for r in resumed.rounds] == pytest.approx([r.macro_f1 for r in whole.rounds], abs=1e-6)
    assert [r.round for r in told] == list(range(kept, len(whole.rounds)))
    assert np.array_equal(resumed.learner.view().before, whole.learner.view().before, equal_nan=True)


@dataclass(frozen=True)
class Attentive:
    """Asks for what its model was most wrong about before: its choice hangs on `before`."""

    cold_start: ClassVar[bool] = False
    whole_pool: ClassVar[bool] = True

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows = view.draw(60, rng)
        known = np.nan_to_num(view.before, nan=0.5).sum()
        score = (np.cos(1000 * known + rows) + view.probabilities(rows).max(1)).astype(np.float32)
        order = np.argsort(-score)
        return Selection(rows[order], score[order], {})


def test_what_was_predicted_before_a_label_survives_a_restart(toy: Toy) -> None:
    whole = simulate(toy.task, Attentive(), toy.model, toy.embedder, batch=20, budget=100)
    again = simulate(
        toy.task, Attentive(), toy.model, toy.embedder, batch=20, budget=100,
        done=[Round.parse(r.line()) for r in whole.rounds[:3]],
    )  # fmt: skip
    assert whole.rounds[2].predicted == "all"
    assert [r.rows for r in again.rounds] == [r.rows for r in whole.rounds]


def test_a_resumed_run_asks_and_evaluates_nothing_again(toy: Toy) -> None:
    whole = simulate(toy.task, SMALL, toy.model, toy.embedder, batch=20, budget=60)
    toy.fits.clear()
    simulate(toy.task, SMALL, toy.model, toy.embedder, batch=20, budget=60, done=whole.rounds)
    assert toy.fits == [20, 40, 60]


@pytest.mark.parametrize("continue_training", [False, True])
def test_a_judged_model_sees_what_the_other_one_chose(toy: Toy, continue_training: bool) -> None:
    plain = simulate(toy.task, SMALL, toy.model, toy.embedder, batch=20, budget=100)
    judged = simulate(
        toy.task, SMALL, toy.model, toy.embedder, batch=20, budget=100, judged=toy.model, at={40, 100},
        continue_training=continue_training,
    )  # fmt: skip
    assert [r.labeled for r in judged.rounds] == [40, 100]
    assert [r.batches for r in judged.rounds] == [(20, 20), (20, 20, 20)]
    assert [row for r in judged.rounds for row in r.rows] == [row for r in plain.rounds for row in r.rows]
    # The toy model is the same on both sides: trained afresh on the same labels and seed it must be the same model.
    assert (judged.rounds[-1].model_version == plain.rounds[-1].model_version) is not continue_training
    assert judged.rounds[0].model_version == plain.rounds[1].model_version
    assert judged.rounds[0].macro_f1 == plain.rounds[1].macro_f1


@pytest.mark.parametrize("strategy", [Entropy(), SMALL, Attentive()], ids=str)
@pytest.mark.parametrize("continue_training", [False, True])
def test_a_judged_run_resumes(toy: Toy, strategy: Strategy, continue_training: bool) -> None:
    def run(done: list[Round]) -> list[Round]:
        return list(
            simulate(
                toy.task, strategy, toy.model, toy.embedder, batch=20, budget=90, judged=toy.model, at={40, 60, 80},
                continue_training=continue_training, done=done,
            ).rounds
        )  # fmt: skip

    whole = run([])
    assert [r.labeled for r in whole] == [40, 60, 80, 90]
    for kept in (1, 2, 3):
        again = run([Round.parse(json.loads(json.dumps(r.line()))) for r in whole[:kept]])
        assert [r.rows for r in again] == [r.rows for r in whole]
        assert [r.model_version for r in again] == [r.model_version for r in whole]


def test_time_is_split_without_remainder(toy: Toy) -> None:
    for r in simulate(toy.task, SMALL, toy.model, toy.embedder, batch=20, budget=60).rounds:
        parts = r.draw_seconds + r.embed_seconds + r.infer_seconds + r.select_seconds
        assert parts == pytest.approx(r.acquire_seconds, abs=1e-9)
        assert r.rows_inferred == (0 if r.round == 0 else 60)
        assert r.rows_embedded >= 80 - (r.round == 0)


def test_ratio_in_force(toy: Toy) -> None:
    assert [r["ratio"] for r in curve(toy, SMALL)] == [1.0, 3.0, 3.0, 3.0]
    assert [r["ratio"] for r in curve(toy, replace(SMALL, ratio=2), start="random")][1:] == [2.0, 2.0, 2.0]
    assert curve(toy, Random())[0]["ratio"] is None


def test_a_batch_is_described_before_it_is_taught(toy: Toy) -> None:
    seen: list[int] = []

    def describe(learner: Learner, rows: Rows) -> dict[str, float]:
        seen.append(len(learner.pool.labeled))
        assert learner.pool.is_open(rows)
        return {"size": float(len(rows))}

    assert [r["redundancy"] for r in curve(toy, Random(), describe=describe)] == [{"size": 20.0}] * 3 + [{"size": 10.0}]
    assert seen == [0, 20, 40, 60]


def test_what_not_every_batch_has_is_averaged_over_those_that_have_it(toy: Toy) -> None:
    def describe(learner: Learner, rows: Rows) -> dict[str, float]:
        labeled = len(learner.pool.labeled)
        return {"size": float(len(rows))} | ({"labeled": float(labeled)} if labeled else {})

    first, last = curve(toy, Random(), describe=describe, at={60})
    assert first["redundancy"] == {"size": 20.0, "labeled": 30.0}  # of 20 and 40; the first batch had none
    assert last["redundancy"] == {"size": 10.0, "labeled": 60.0}


def test_a_round_holds_the_labels_of_its_rows(toy: Toy) -> None:
    rounds = curve(toy, Random(), at={60})
    assert [len(r["labels"]) for r in rounds] == [60, 10]
    assert all(r["labels"] == tuple(toy.task.train.labels[list(r["rows"])].tolist()) for r in rounds)


def test_what_cannot_be_run_is_refused(toy: Toy) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        curve(toy, Random(), budget=0)
    with pytest.raises(UsageError, match="3 texts came with 2 labels"):
        Examples(["a", "b", "c"], np.array([0, 1]))
    with pytest.raises(UsageError, match="labels from 0 to 2, but there are 2 classes"):
        Task("t", ("x", "y"), Examples(["a", "b"], np.array([0, 2])), Examples(["c"], np.array([0])))
    with pytest.raises(UsageError, match="test part of t is empty"):
        Task("t", ("x", "y"), Examples(["a"], np.array([0])), Examples([], np.array([], np.int64)))


def test_the_digest_names_texts_labels_and_split(toy: Toy) -> None:
    task = toy.task
    swapped = Examples(task.train.texts, (task.train.labels + 1) % 3)
    moved = Examples([*task.train.texts[:-1], "other"], task.train.labels)
    pairs = Examples([(str(text), "") for text in task.train.texts], task.train.labels)
    digests = {replace(task, train=train).digest() for train in (task.train, swapped, moved, pairs)}
    assert len(digests) == 4
    assert task.digest() == replace(task, name="other").digest()


def test_a_subset_is_the_same_each_time(toy: Toy) -> None:
    assert toy.task.subset(50, 20).digest() == toy.task.subset(50, 20).digest()
    assert len(toy.task.subset(50, 20).train) == 50
    assert toy.task.subset(None, 10_000).digest() == toy.task.digest()

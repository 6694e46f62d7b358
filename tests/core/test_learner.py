"""The loop: query, teach, fit, with the caller in charge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from numpy.random import Generator

from tyrogue.errors import PoolExhausted, UsageError
from tyrogue.learner import Learner, rng_of
from tyrogue.pool import Inputs, Pool, Texts
from tyrogue.protocols import Classifier, Strategy, View
from tyrogue.strategies import Entropy, Random, Tyrogue
from tyrogue.testing.views import GivenEmbedder, GivenModel, blobs
from tyrogue.types import UNLABELED, FitReport, Labels, Rows, Selection

VECTORS, CLASSES = blobs(200, 8, 3, seed=4)
WEIGHTS = np.asarray(2 * np.random.default_rng(0).normal(size=(8, 3)), np.float32)


class Recording(GivenModel):
    """Remembers what it was fitted on; its head turns with the number of labels, so that rounds differ."""

    def __init__(self) -> None:
        super().__init__(VECTORS, WEIGHTS, fitted=False)
        self.seen: list[int] = []
        self.start: Classifier | None = None

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        assert inputs.rows is not None
        self.seen, self.start, self.seed, self.fitted = inputs.rows.tolist(), start, seed, True
        self.weights = np.roll(WEIGHTS, len(labels), axis=0)
        return FitReport(0.0)


def _learner(strategy: Strategy, n: int = 200, **more: object) -> Learner:
    pool = Pool(Texts([f"text {i}" for i in range(n)]))
    return Learner(pool, strategy, Recording, GivenEmbedder(VECTORS), n_classes=3, **more)  # type: ignore[arg-type]


def _run(learner: Learner, rounds: int, n: int = 10) -> list[list[int]]:
    asked = []
    for _ in range(rounds):
        rows = learner.query(n).rows[:n]
        learner.teach(rows, CLASSES[rows])
        learner.fit()
        asked.append(rows.tolist())
    return asked


@pytest.mark.parametrize("strategy", [Random(), Entropy(), Tyrogue(candidates=100)])
def test_a_loop_repeats_with_its_seed_and_never_asks_twice(strategy: Strategy) -> None:
    one, same, other = (_run(_learner(strategy, seed=seed), 4) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    rows = [row for batch in one for row in batch]
    assert len(set(rows)) == 40


def test_a_round_draws_the_same_whatever_happened_between() -> None:
    straight, interrupted = _learner(Tyrogue(candidates=60)), _learner(Tyrogue(candidates=60))
    interrupted.query(3)
    interrupted.query(7)
    assert straight.query(5).rows.tolist() == interrupted.query(5).rows.tolist()
    assert rng_of(1, 2).integers(10**9) != rng_of(1, 2, purpose=1).integers(10**9)


def test_every_fit_opens_a_round_with_a_draw_of_its_own() -> None:
    learner = _learner(Random())
    first = learner.query(20).rows.tolist()
    learner.teach([199], [0])
    learner.fit()
    assert learner.round == learner.view().round == 1
    assert len(set(first) & set(learner.query(20).rows.tolist())) < 12


def test_without_a_model_a_strategy_that_needs_one_is_replaced_by_random() -> None:
    assert _learner(Entropy()).query(6).rows.tolist() == _learner(Random()).query(6).rows.tolist()


def test_partial_batches_corrections_and_undo() -> None:
    learner = _learner(Random())
    rows = learner.query(5).rows
    learner.teach(rows[:2], [0, 1])
    learner.teach(rows[1:2], [2])
    learner.teach(rows[:1], [UNLABELED])
    learner.fit()
    model = learner.model
    assert isinstance(model, Recording)
    assert model.seen == [rows[1]]
    assert learner.pool.is_open(rows[:1])


def test_fits_afresh_or_from_the_last_model() -> None:
    for continues in (False, True):
        learner = _learner(Random(), continue_training=continues)
        _run(learner, 2)
        model = learner.model
        assert isinstance(model, Recording)
        assert (model.start is not None) is continues
        assert len(model.seen) == 20


def test_remembers_what_the_model_thought_before_each_label() -> None:
    learner = _learner(Tyrogue(candidates=100))
    _run(learner, 2)
    view = learner.view()
    first = np.isnan(view.before).all(axis=1)
    assert first.sum() == 10  # chosen cold: nothing was thought of them
    assert view.before[~first].sum(1) == pytest.approx(1, abs=1e-5)


def test_the_pool_runs_out_with_a_word() -> None:
    learner = _learner(Random(), n=7)
    assert sorted(learner.query(50).rows.tolist()) == list(range(7))
    learner.teach(range(7), [0] * 7)
    with pytest.raises(PoolExhausted, match="All 7 rows"):
        learner.query(1)


def test_refuses_what_cannot_be() -> None:
    learner = _learner(Random())
    with pytest.raises(UsageError, match="at least 1"):
        learner.query(0)
    with pytest.raises(UsageError, match="no labels"):
        learner.fit()
    with pytest.raises(UsageError, match="Label 3 is not one of the 3"):
        learner.teach([0], [3])


@dataclass(frozen=True)
class Gives:
    """A strategy that answers with these rows."""

    rows: tuple[int, ...]
    dtype: str = "int64"
    extra: int = 0

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = False

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows: Rows = np.array(self.rows, self.dtype)
        return Selection(rows, np.zeros(len(rows) + self.extra, np.float32), {})


@pytest.mark.parametrize(
    ("strategy", "says"),
    [
        (Gives((4, 4, 5)), "twice"),
        (Gives((4, 5)), "gave 2 rows"),
        (Gives((4, 5, 6), "int32"), "int32"),
        (Gives((0, 5, 6)), "labeled or closed"),
        (Gives((5, 6, 200)), "labeled or closed"),
        (Gives((5, 6, 7), extra=1), "lengths"),
    ],
)
def test_a_strategy_that_breaks_its_contract_is_named(strategy: Gives, says: str) -> None:
    learner = _learner(strategy)
    learner.teach([0], [1])
    with pytest.raises(UsageError, match=f"Gives.*{says}"):
        learner.query(3)

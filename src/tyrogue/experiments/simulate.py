"""The loop with gold labels in the annotator's place."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tyrogue.errors import UsageError
from tyrogue.experiments import scores
from tyrogue.experiments.data import Task
from tyrogue.learner import Learner
from tyrogue.pool import Pool, Texts, as_rows
from tyrogue.protocols import Classifier, Strategy
from tyrogue.strategies.balance import SIGNALS
from tyrogue.strategies.random import Random
from tyrogue.types import Rows, Selection
from tyrogue.view import Embedder, Mode, Spent

Start = Literal["cold", "random"]
"""`cold`: the strategy asks from the first batch on, if it can; `random`: the first batch is random for all."""

Describe = Callable[[Learner, Rows], dict[str, float]]
"""Measures a batch before it is taught (redundancy); its time is nobody's."""

UNSAID: tuple[tuple[str, Any], ...] = (("batches", ()), ("labels", ()), ("redundancy", {}), ("signals", {}))
"""What need not be said of a round."""


@dataclass(frozen=True)
class Round:
    """One round: what was asked, what the model trained on it is worth, and where the time went."""

    round: int
    labeled: int
    rows: tuple[int, ...]
    """The batch, best first."""
    accuracy: float
    macro_f1: float
    micro_f1: float
    log_loss: float
    ece: float
    acquire_seconds: float
    """The whole query: draw + embed + infer + select."""
    draw_seconds: float
    embed_seconds: float
    infer_seconds: float
    select_seconds: float
    train_seconds: float
    """Of the model that is evaluated."""
    evaluate_seconds: float
    rows_embedded: int
    rows_inferred: int
    ratio: float | None
    """The r that was in force, for strategies that have one."""
    model_version: str
    predicted: tuple[int, ...] | Literal["all"] = ()
    """Positions in the batch of rows whose probabilities the strategy had seen, for an exact repetition."""
    redundancy: dict[str, float] = field(default_factory=dict)
    signals: dict[str, float] = field(default_factory=dict)
    """What the strategy chose the ratio by, where it did so itself."""
    batches: tuple[int, ...] = ()
    """Sizes of the batches that `rows` is made of, where there were several between two evaluations."""
    labels: tuple[int, ...] = ()
    """Of `rows`: positions among the dataset's classes. Empty in files that were written before they were kept."""

    def line(self) -> dict[str, Any]:
        """Gives the round as JSON, floats rounded to six digits; what a run does not measure is left out."""
        measured = {name: value for name, value in asdict(self).items() if (name, value) not in UNSAID}
        return {name: _rounded(value) for name, value in measured.items()}

    @staticmethod
    def parse(line: dict[str, Any]) -> Round:
        """Reads a round back from its JSON."""
        fields = {**line, **{name: tuple(line.get(name, ())) for name in ("rows", "batches", "labels")}}
        if not isinstance(line.get("predicted", ()), str):
            fields["predicted"] = tuple(line.get("predicted", ()))
        return Round(**fields)


@dataclass(frozen=True)
class Run:
    """A simulated session."""

    rounds: tuple[Round, ...]
    learner: Learner

    def curve(self, score: str = "macro_f1") -> tuple[list[int], list[float]]:
        """Gives numbers of labels and the scores reached with them."""
        return [r.labeled for r in self.rounds], [float(getattr(r, score)) for r in self.rounds]


def simulate(
    task: Task,
    strategy: Strategy,
    model: Callable[[], Classifier],
    embedder: Embedder,
    *,
    batch: int = 50,
    budget: int = 1000,
    seed: int = 0,
    start: Start = "cold",
    mode: Mode = "cached",
    continue_training: bool = False,
    judged: Callable[[], Classifier] | None = None,
    at: Collection[int] = (),
    describe: Describe | None = None,
    done: Sequence[Round] = (),
    on_round: Callable[[Round], None] = lambda _: None,
) -> Run:
    """Gives the learning curve of a strategy when the gold labels of `task` answer.

    The budget is spent exactly: the last batch shrinks to what is left of it, or of the pool. Runs with the
    same seed share their random numbers: the random first batch, which ranks of the open pool are drawn in
    each round, and the model's initialisation, whatever the strategy.

    Args:
        task: pool, gold labels and test set.
        strategy: the acquisition function.
        model: makes a fresh, unfitted model, which the strategy asks.
        embedder: frozen embeddings of all texts of the task, in its numbering.
        start: who chooses the first batch.
        mode: what clusters are made of, see `Learner`.
        continue_training: fit from the last round's model, as the paper does, instead of afresh.
        judged: makes a fresh model that is trained on the same labels and evaluated in the place of `model`, so
            that ways of training can be compared on the very same texts.
        at: numbers of labels at which there is an evaluation, beside the last; every batch has one when empty.
        describe: measures each batch before it is taught.
        done: rounds of an interrupted run; they are taught and fitted again, not asked or evaluated again.
        on_round: called with each new round.

    Raises:
        UsageError: batch or budget is not positive.
    """
    if batch < 1 or budget < 1:
        raise UsageError(f"A batch of {batch} and a budget of {budget} were asked for; both take at least 1.")
    learner = Learner(
        Pool(Texts(task.train.texts)),
        strategy,
        model,
        embedder,
        n_classes=task.n_classes,
        mode=mode,
        seed=seed,
        continue_training=continue_training and judged is None,
    )
    judge = _Judge(learner, task, judged, continue_training)
    rounds = [_repeat(learner, judge, past) for past in done]
    asked: list[_Asked] = []
    while len(learner.pool.labeled) < budget and learner.pool.size:
        n = min(batch, budget - len(learner.pool.labeled))
        learner.strategy = Random() if start == "random" and not (rounds or asked) else strategy
        asked.append(_ask(learner, task, n, describe))
        labeled = len(learner.pool.labeled)
        if not at or labeled in at or labeled >= budget or not learner.pool.size:
            rounds.append(_round(asked, judge))
            asked.clear()
            on_round(rounds[-1])
    return Run(tuple(rounds), learner)


@dataclass(frozen=True)
class _Asked:
    """One batch: what was asked, and where the time went."""

    rows: Rows
    predicted: NDArray[np.bool_]
    ratio: float | None
    acquire: float
    train: float
    spent: Spent
    redundancy: dict[str, float]
    signals: dict[str, float]


class _Judge:
    """Trains what is evaluated: the learner's own model, or another one on the same labels."""

    def __init__(
        self, learner: Learner, task: Task, make: Callable[[], Classifier] | None, continue_training: bool
    ) -> None:
        self.learner, self.task, self._make, self._continue = learner, task, make, continue_training
        self._last: Classifier | None = None

    def model(self) -> tuple[Classifier, float | None]:
        """Gives the model for the labels there are, and the seconds its training took beside the learner's own."""
        if self._make is None:
            return self.learner.model, None
        fresh, start = self._make(), self._last if self._continue else None
        inputs = self.learner.inputs(self.learner.pool.labeled)
        # The learner's own fit has opened the next round already; both fits of a round have the same seed.
        seed = self.learner.fit_seed(self.learner.round - 1)
        self._last = fresh
        return fresh, fresh.fit(inputs, self.learner.pool.labels, seed=seed, start=start).seconds

    def repeat(self) -> None:
        """Does again what a later training goes on from."""
        if self._continue:
            self.model()


def _ask(learner: Learner, task: Task, n: int, describe: Describe | None) -> _Asked:
    cold = not learner.model.fitted
    clock = time.perf_counter()
    selection = learner.query(n)
    acquire = time.perf_counter() - clock
    rows = selection.rows[:n]
    redundancy = describe(learner, rows) if describe else {}
    predicted = learner.predicted(rows)
    learner.teach(rows, task.train.labels[rows])
    train = learner.fit().seconds
    return _Asked(
        rows,
        predicted,
        ratio_of(learner.strategy, selection, cold),
        acquire,
        train,
        learner.last_view.spent if learner.last_view else Spent(),
        redundancy,
        {name: float(selection.facts[name][0]) for name in SIGNALS if name in selection.facts},
    )


def _round(asked: Sequence[_Asked], judge: _Judge) -> Round:
    """Evaluates after one batch or several; times are summed, redundancy is averaged."""
    learner, last = judge.learner, asked[-1]
    model, trained = judge.model()
    clock = time.perf_counter()
    logits = model.infer(judge.task.test_inputs(learner.embedder)).logits
    evaluate = time.perf_counter() - clock
    acquire = sum(part.acquire for part in asked)
    draw, embed, infer = (
        sum(getattr(part.spent, f"{name}_seconds") for part in asked) for name in ("draw", "embed", "infer")
    )
    rows = np.concatenate([part.rows for part in asked])
    predicted = np.concatenate([part.predicted for part in asked])
    return Round(
        round=learner.round - 1,
        labeled=len(learner.pool.labeled),
        rows=tuple(rows.tolist()),
        labels=tuple(judge.task.train.labels[rows].tolist()),
        acquire_seconds=acquire,
        draw_seconds=draw,
        embed_seconds=embed,
        infer_seconds=infer,
        select_seconds=max(0.0, acquire - draw - embed - infer),
        train_seconds=sum(part.train for part in asked) if trained is None else trained,
        evaluate_seconds=evaluate,
        rows_embedded=sum(part.spent.rows_embedded for part in asked),
        rows_inferred=sum(part.spent.rows_inferred for part in asked),
        ratio=last.ratio,
        model_version=model.version,
        predicted="all" if predicted.all() else tuple(np.flatnonzero(predicted).tolist()),
        redundancy=_means([part.redundancy for part in asked]),
        signals=last.signals,
        batches=tuple(len(part.rows) for part in asked) if len(asked) > 1 else (),
        **scores.evaluate(logits, judge.task.test.labels),
    )


def _means(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Gives the mean of each metric over the batches that have it: the first one has no labels to compare with."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: float(np.mean([part[name] for part in parts if name in part])) for name in names}


def _repeat(learner: Learner, judge: _Judge, past: Round) -> Round:
    rows = as_rows(past.rows)
    predicted = np.zeros(len(rows), bool)
    predicted[slice(None) if past.predicted == "all" else as_rows(past.predicted)] = True
    ends = np.cumsum(past.batches or (len(rows),))[:-1]
    for batch, seen in zip(np.split(rows, ends), np.split(predicted, ends), strict=True):
        learner.repeat(batch, judge.task.train.labels[batch], batch[seen])
    judge.repeat()
    return past


def ratio_of(strategy: Strategy, selection: Selection, cold: bool) -> float | None:
    """Gives the r in force: the strategy's own account of it, else its parameter (1 in a cold start)."""
    told = selection.facts.get("ratio")
    if told is not None and len(told):
        return float(told[0])
    ratio = getattr(strategy, "ratio", None)
    if not isinstance(ratio, int | float):
        return None
    return 1.0 if cold else float(ratio)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return value

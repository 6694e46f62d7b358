"""The loop with gold labels in the annotator's place."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

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

    def line(self) -> dict[str, Any]:
        """Gives the round as JSON, floats rounded to six digits; what a run does not measure is left out."""
        measured = {name: value for name, value in asdict(self).items() if value != {}}
        return {name: _rounded(value) for name, value in measured.items()}

    @staticmethod
    def parse(line: dict[str, Any]) -> Round:
        """Reads a round back from its JSON."""
        fields = {**line, "rows": tuple(line["rows"])}
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
        model: makes a fresh, unfitted model.
        embedder: frozen embeddings of all texts of the task, in its numbering.
        start: who chooses the first batch.
        mode: what clusters are made of, see `Learner`.
        continue_training: fit from the last round's model, as the paper does, instead of afresh.
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
        continue_training=continue_training,
    )
    rounds = [_repeat(learner, task, past) for past in done]
    while len(learner.pool.labeled) < budget and learner.pool.size:
        n = min(batch, budget - len(learner.pool.labeled))
        learner.strategy = Random() if start == "random" and not rounds else strategy
        rounds.append(_one_round(learner, task, n, describe))
        on_round(rounds[-1])
    return Run(tuple(rounds), learner)


def _one_round(learner: Learner, task: Task, n: int, describe: Describe | None) -> Round:
    number, cold = learner.round, not learner.model.fitted
    clock = time.perf_counter()
    selection = learner.query(n)
    acquire = time.perf_counter() - clock
    rows = selection.rows[:n]
    redundancy = describe(learner, rows) if describe else {}
    predicted = np.flatnonzero(learner.predicted(rows))
    learner.teach(rows, task.train.labels[rows])
    report = learner.fit()
    clock = time.perf_counter()
    logits = learner.model.infer(task.test_inputs(learner.embedder)).logits
    evaluate = time.perf_counter() - clock
    spent = learner.last_view.spent if learner.last_view else Spent()
    return Round(
        round=number,
        labeled=len(learner.pool.labeled),
        rows=tuple(rows.tolist()),
        acquire_seconds=acquire,
        draw_seconds=spent.draw_seconds,
        embed_seconds=spent.embed_seconds,
        infer_seconds=spent.infer_seconds,
        select_seconds=max(0.0, acquire - spent.draw_seconds - spent.embed_seconds - spent.infer_seconds),
        train_seconds=report.seconds,
        evaluate_seconds=evaluate,
        rows_embedded=spent.rows_embedded,
        rows_inferred=spent.rows_inferred,
        ratio=ratio_of(learner.strategy, selection, cold),
        model_version=learner.model.version,
        predicted="all" if len(predicted) == len(rows) else tuple(predicted.tolist()),
        redundancy=redundancy,
        signals={name: float(selection.facts[name][0]) for name in SIGNALS if name in selection.facts},
        **scores.evaluate(logits, task.test.labels),
    )


def _repeat(learner: Learner, task: Task, past: Round) -> Round:
    rows = as_rows(past.rows)
    seen = rows if past.predicted == "all" else rows[as_rows(past.predicted)]
    learner.repeat(rows, task.train.labels[rows], seen)
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

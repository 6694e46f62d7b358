"""A labeled session as an experiment: what would other strategies have asked, and what would it have been worth?

The texts that people have labeled become a small dataset. A part is held out at random to judge the models; the
rest is the pool, in which every strategy asks with the people's labels as answers. "as labeled" asks in the order
in which people answered.

What this cannot tell: the pool holds only what was asked, so strategies are compared within the choice of the
one that was used. It flatters none of them in particular, but differences come out smaller than they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from tyrogue.errors import UsageError
from tyrogue.experiments import metrics
from tyrogue.experiments.data import Examples, Task
from tyrogue.experiments.simulate import Run, simulate
from tyrogue.protocols import Classifier, Strategy, View
from tyrogue.types import Rows, Selection, Text
from tyrogue.view import Embedder

AS_LABELED = "as labeled"
TEST_SHARE = 0.3
SHOWN, SHOWN_LENGTH = 5, 80
"""Texts of the first batch that are told, and characters of each."""
SMALLEST = 40
"""Labels below which a replay says nothing."""

LabeledText = tuple[Text, str, int]
"""A text, its class, and its row in the project."""


@dataclass(frozen=True)
class AsLabeled:
    """Asks in the order in which people answered; rows of a replay's pool are in that order."""

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = False

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows = next(view.blocks(n))
        return Selection(rows, np.zeros(len(rows), np.float32), {})


@dataclass(frozen=True)
class Arm:
    """What a strategy would have made of the session; means over the splits."""

    strategy: str
    area: float
    """Mean height of the macro-F1 curve."""
    end: float
    """Macro-F1 with half of the pool labeled."""
    overlap: float
    """Share of its first half of the pool that people had labeled by then too."""
    labels: tuple[int, ...]
    curve: tuple[float, ...]
    first: tuple[int, ...]
    """The project's rows that it would have asked first, in the first split."""
    first_texts: tuple[str, ...] = ()
    """The first few of them, the beginning of each."""


@dataclass(frozen=True)
class Replay:
    """A session replayed by several strategies, the order it was labeled in first."""

    labeled: int
    classes: tuple[str, ...]
    arms: tuple[Arm, ...]

    @property
    def note(self) -> str:
        """Gives in words what was done."""
        return (
            f"{self.labeled} labeled texts of {len(self.classes)} classes; {TEST_SHARE:.0%} of them held out at "
            "random, the rest is the pool. 'area' is the mean macro-F1 until half of the pool is labeled, 'same texts' "
            "how much of that half people had labeled by then too. Strategies choose among texts that had been chosen "
            "before, so differences come out smaller than they are."
        )

    def line(self) -> dict[str, Any]:
        """Gives the replay as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Split:
    """A pool in the order of labeling, and a test set."""

    task: Task
    rows: Rows
    """The project's rows of the pool."""
    order: Rows
    """Where the texts of the task were in the session."""


def split(records: Sequence[LabeledText], seed: int) -> Split:
    """Gives a random split of a session; every class keeps at least one text in the pool.

    Raises:
        UsageError: too few labels, or one class only.
    """
    classes = tuple(sorted({label for _, label, _ in records}))
    if len(records) < SMALLEST or len(classes) < 2:
        raise UsageError(
            f"There are {len(records)} labels of {len(classes)} classes; a replay takes at least {SMALLEST} of 2. "
            "Label more texts first."
        )
    labels = np.array([classes.index(label) for _, label, _ in records], np.int64)
    order = np.random.default_rng([seed, len(records)]).permutation(len(records))
    kept = np.zeros(len(records), bool)
    for label in range(len(classes)):
        kept[order[np.flatnonzero(labels[order] == label)[0]]] = True
    free = order[~kept[order]]
    test = np.sort(free[: round(TEST_SHARE * len(records))])
    pool = np.setdiff1d(np.arange(len(records)), test)
    texts = [text for text, _, _ in records]
    every = Examples(texts, labels)
    task = Task("session", classes, every.take(pool), every.take(test))
    return Split(task, np.array([records[i][2] for i in pool], np.int64), np.concatenate([pool, test]))


def replay(
    records: Iterable[LabeledText],
    strategies: dict[str, Strategy],
    model: Callable[[Task, Embedder], Classifier],
    embedder: Callable[[Sequence[Text]], Callable[[Rows], Embedder]],
    *,
    batch: int = 10,
    seeds: Sequence[int] = range(5),
    tell: Callable[[str], None] = lambda _: None,
) -> Replay:
    """Gives what each strategy would have asked of a labeled session, and the curve it would have had.

    Args:
        records: text, class and row, in the order of labeling.
        strategies: by the name to show.
        model: makes a fresh model for a task.
        embedder: embeds the session's texts; gives, for positions in it, an embedder in their numbering.
        seeds: one split each.
        tell: is told what is being done.
    """
    session = list(records)
    splits = [split(session, seed) for seed in seeds]
    embedders = embedder([text for text, _, _ in session])
    arms = []
    for name, strategy in {AS_LABELED: AsLabeled(), **strategies}.items():
        tell(f"replaying {name}")
        runs = [_run(part, strategy, model, embedders(part.order), batch, seed) for part, seed in zip(splits, seeds)]
        arms.append(_arm(name, runs, splits))
    return Replay(len(session), splits[0].task.classes, tuple(arms))


def _beginning(text: Text) -> str:
    return (text if isinstance(text, str) else " / ".join(text))[:SHOWN_LENGTH]


def _run(
    part: Split, strategy: Strategy, model: Callable[[Task, Embedder], Classifier], embedder: Embedder, batch: int,
    seed: int,
) -> Run:  # fmt: skip
    budget = max(1, len(part.task.train) // 2)
    return simulate(
        part.task, strategy, lambda: model(part.task, embedder), embedder, batch=batch, budget=budget, seed=seed
    )


def _arm(name: str, runs: Sequence[Run], splits: Sequence[Split]) -> Arm:
    curves = [run.curve() for run in runs]
    length = min(len(labels) for labels, _ in curves)
    asked = [np.array([row for round in run.rounds for row in round.rows]) for run in runs]
    # Rows of the pool are in the order of labeling, so people had labeled the first n of them by then.
    overlaps = [float((rows < len(rows)).mean()) for rows in asked]
    return Arm(
        name,
        area=round(float(np.mean([metrics.area(*curve) for curve in curves])), 6),
        end=round(float(np.mean([f1[-1] for _, f1 in curves])), 6),
        overlap=round(float(np.mean(overlaps)), 6),
        labels=tuple(curves[0][0][:length]),
        curve=tuple(round(float(value), 6) for value in np.mean([f1[:length] for _, f1 in curves], axis=0)),
        first=tuple(splits[0].rows[list(runs[0].rounds[0].rows)].tolist()),
        first_texts=tuple(_beginning(splits[0].task.train.texts[row]) for row in runs[0].rounds[0].rows[:SHOWN]),
    )

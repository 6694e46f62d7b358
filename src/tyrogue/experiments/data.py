"""What an experiment is run on: a training pool with gold labels that answer, and a test set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tyrogue.errors import UsageError
from tyrogue.pool import Inputs, as_rows
from tyrogue.types import Labels, Rows, Text
from tyrogue.view import Embedder

SUBSET_SEED = 42
"""Of samples of a split: the same for every run, so that runs stay comparable."""


@dataclass(frozen=True)
class Examples:
    """Texts with their true classes."""

    texts: Sequence[Text]
    labels: Labels

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise UsageError(f"{len(self.texts)} texts came with {len(self.labels)} labels: one for each is needed.")
        object.__setattr__(self, "labels", as_rows(self.labels))
        self.labels.flags.writeable = False

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Rows) -> Examples:
        """Gives the examples at these positions."""
        return Examples([self.texts[row] for row in rows.tolist()], self.labels[rows])

    def sample(self, n: int | None) -> Examples:
        """Gives n of them, drawn once and for all; all of them when n is None or larger."""
        if n is None or n >= len(self):
            return self
        return self.take(np.sort(np.random.default_rng(SUBSET_SEED).choice(len(self), n, replace=False)))


@dataclass(frozen=True)
class Task:
    """A dataset as an experiment sees it.

    Its texts have one numbering: first the rows of the pool, then the test texts. An embedder of a task
    covers both, so that no array can be read with the other's numbers.
    """

    name: str
    classes: tuple[str, ...]
    train: Examples
    test: Examples

    def __post_init__(self) -> None:
        for part, examples in (("training", self.train), ("test", self.test)):
            if not len(examples):
                raise UsageError(f"The {part} part of {self.name} is empty.")
            low, high = int(examples.labels.min()), int(examples.labels.max())
            if low < 0 or high >= len(self.classes):
                raise UsageError(
                    f"The {part} part of {self.name} has labels from {low} to {high}, "
                    f"but there are {len(self.classes)} classes (0 to {len(self.classes) - 1})."
                )

    @property
    def n_classes(self) -> int:
        return len(self.classes)

    def subset(self, train_rows: int | None, test_rows: int | None) -> Task:
        """Gives the task on a fixed sample of its parts."""
        return replace(self, train=self.train.sample(train_rows), test=self.test.sample(test_rows))

    def texts(self) -> list[Text]:
        """Gives all texts in the task's numbering."""
        return [*self.train.texts, *self.test.texts]

    def train_inputs(self, embedder: Embedder) -> Inputs:
        """Gives all texts of the pool as a model takes them."""
        return Inputs(lambda: self.train.texts, rows=np.arange(len(self.train), dtype=np.int64), embed=embedder.embed)

    def test_inputs(self, embedder: Embedder) -> Inputs:
        """Gives the test texts as a model takes them."""
        rows = np.arange(len(self.train), len(self.train) + len(self.test), dtype=np.int64)
        return Inputs(lambda: self.test.texts, rows=rows, embed=embedder.embed)

    def digest(self) -> str:
        """Gives 16 hex digits that name exactly these texts, labels and splits, in this order."""
        digest = hashlib.sha256()
        for examples in (self.train, self.test):
            digest.update(f"{len(examples)}\n".encode())
            for text in examples.texts:
                digest.update("\x1f".join((text,) if isinstance(text, str) else text).encode("utf-8", "surrogatepass"))
                digest.update(b"\x1e")
            digest.update(examples.labels.astype("<i8").tobytes())
        return digest.hexdigest()[:16]

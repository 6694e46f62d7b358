"""What a strategy may know, computed lazily and remembered for the round."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.random import Generator

from tyrogue import ops
from tyrogue.errors import MissingHead, NotFitted
from tyrogue.pool import Inputs, Pool, frozen
from tyrogue.protocols import Classifier, MaskedLM
from tyrogue.types import Floats, Inference, Labels, Rows, Text

Mode = Literal["cached", "current"]


class Embedder(Protocol):
    """Gives frozen embeddings of inputs, from a cache where it has them."""

    def embed(self, inputs: Inputs) -> Floats:
        """Gives (n, d) float32."""
        ...


@dataclass
class Spent:
    """What a round's query cost, split the same way for every strategy."""

    draw_seconds: float = 0.0
    embed_seconds: float = 0.0
    infer_seconds: float = 0.0
    rows_embedded: int = 0
    """Rows whose frozen embedding was asked."""
    rows_inferred: int = 0
    """Rows that passed through the current model."""


@dataclass
class _Remembered:
    """Arrays by row, for rows seen in this round, and those of the one block that a sweep stands on."""

    rows: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    arrays: tuple[Floats, ...] = ()
    block: tuple[Floats, ...] | None = None

    def missing(self, rows: Rows) -> Rows:
        return np.setdiff1d(rows, self.rows)

    def add(self, rows: Rows, arrays: tuple[Floats, ...]) -> None:
        merged = np.concatenate([self.rows, rows])
        order = np.argsort(merged)
        known = self.arrays or tuple(np.empty((0, *a.shape[1:]), np.float32) for a in arrays)
        self.arrays = tuple(np.concatenate([k, a])[order] for k, a in zip(known, arrays, strict=True))
        self.rows = merged[order]

    def at(self, rows: Rows) -> tuple[Floats, ...]:
        where = np.searchsorted(self.rows, rows)
        return tuple(frozen_floats(a[where]) for a in self.arrays)


class Memory:
    """What a model said of rows. A view that is made later for the same model may go on with it."""

    def __init__(self) -> None:
        self.inferred, self.pretrained = _Remembered(), _Remembered()

    def __len__(self) -> int:
        return len(self.inferred.rows) + len(self.pretrained.rows)


def frozen_floats(values: Floats) -> Floats:
    """Gives the array read-only."""
    values.flags.writeable = False
    return values


class PoolView:
    """A view of a pool with a model and a frozen encoder.

    Args:
        pool: what is open and what is labeled.
        model: the current model; None when there is none yet.
        embedder: the frozen encoder with its cache.
        n_classes: number of classes of the project.
        mode: what `embeddings` means: the frozen encoder's (`cached`) or the current model's (`current`).
        round: number of the round, from 0.
        before: (len(labeled), C) probabilities just before each label, or what looks them up when they are first asked
            for; None when not recorded.
        memory: what this very model said in earlier views.
    """

    def __init__(
        self,
        pool: Pool,
        model: Classifier | None,
        embedder: Embedder,
        *,
        n_classes: int,
        mode: Mode = "cached",
        round: int = 0,
        before: Floats | Callable[[], Floats] | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.pool, self.model, self.embedder, self.mode = pool, model, embedder, mode
        self.round, self.n_classes = round, n_classes
        self._before = before
        self.spent = Spent()
        # Labels that arrive while the round is open belong to the next one.
        self.labeled, self.labels, self.reference = pool.labeled, pool.labels, pool.reference
        self.memory = Memory() if memory is None else memory
        self._inferred, self._pretrained = self.memory.inferred, self.memory.pretrained
        self._static = _Remembered()
        self._block: Rows | None = None

    @property
    def before(self) -> Floats:
        found = self._before() if callable(self._before) else self._before
        if found is None:
            found = np.full((len(self.labeled), self.n_classes), np.nan, np.float32)
        self._before = frozen_floats(found)
        return self._before

    @property
    def size(self) -> int:
        return self.pool.size

    @property
    def fitted(self) -> bool:
        return self.model is not None and self.model.fitted

    def draw(self, n: int, rng: Generator) -> Rows:
        start = time.perf_counter()
        rows = frozen(self.pool.draw(n, rng))
        self.spent.draw_seconds += time.perf_counter() - start
        return rows

    def blocks(self, size: int = 4096) -> Iterator[Rows]:
        try:
            for rows in self.pool.blocks(size):
                self._stand_on(frozen(rows))
                yield rows
        finally:
            self._stand_on(None)

    def texts(self, rows: Rows) -> Sequence[Text]:
        return self.pool.texts(rows)

    def inputs(self, rows: Rows) -> Inputs:
        """Gives these rows as a model takes them."""
        return Inputs(lambda: self.pool.texts(rows), rows=rows, embed=lambda _: self.static(rows))

    def static(self, rows: Rows) -> Floats:
        return self._recall(self._static, rows, lambda some: (self._embed(some),))[0]

    def features(self, rows: Rows) -> Floats:
        if self.fitted:
            return self._recall(self._inferred, rows, self._infer)[1]
        return self._recall(self._pretrained, rows, lambda some: (self._timed_features(some),))[0]

    def unasked(self, rows: Rows) -> Rows:
        """Gives those of the rows that the current model has not been asked about yet, sorted."""
        return (self._inferred if self.fitted else self._pretrained).missing(rows)

    def embeddings(self, rows: Rows) -> Floats:
        return self.static(rows) if self.mode == "cached" else self.features(rows)

    def logits(self, rows: Rows) -> Floats:
        self._fitted_model()
        return self._recall(self._inferred, rows, self._infer)[0]

    def probabilities(self, rows: Rows) -> Floats:
        return ops.softmax(self.logits(rows))

    def head(self, features: Floats) -> Floats:
        return ops.finite(self._fitted_model().head(features), "logits")

    def samples(self, rows: Rows, k: int, rng: Generator) -> Floats:
        model, start = self._fitted_model(), time.perf_counter()
        logits = model.sample(self.inputs(rows), k, seed=int(rng.integers(2**31)))
        self.spent.infer_seconds += time.perf_counter() - start
        self.spent.rows_inferred += k * len(rows)
        ops.finite(logits.swapaxes(0, 1), "sampled logits")
        return logits

    def surprisal(self, rows: Rows, rng: Generator) -> Floats:
        if not isinstance(self.model, MaskedLM):
            raise MissingHead(
                "ALPS needs a model with a masked-LM head, and this one has none. "
                "Use a checkpoint that has: --model bert-base-cased."
            )
        start = time.perf_counter()
        losses = self.model.surprisal(self.inputs(rows), seed=int(rng.integers(2**31)))
        self.spent.infer_seconds += time.perf_counter() - start
        self.spent.rows_inferred += len(rows)
        return ops.finite(losses, "masked-LM losses")

    def _stand_on(self, block: Rows | None) -> None:
        self._block = block
        for memory in (self._inferred, self._pretrained, self._static):
            memory.block = None

    def _fitted_model(self) -> Classifier:
        if self.model is None or not self.model.fitted:
            raise NotFitted("The model has not been fitted yet: teach some labels and fit first.")
        return self.model

    def _embed(self, rows: Rows) -> Floats:
        start = time.perf_counter()
        vectors = self.embedder.embed(Inputs(lambda: self.pool.texts(rows), rows=rows))
        self.spent.embed_seconds += time.perf_counter() - start
        self.spent.rows_embedded += len(rows)
        return ops.finite(vectors, "embeddings")

    def _infer(self, rows: Rows) -> Inference:
        model, embedded = self._fitted_model(), self.spent.embed_seconds
        start = time.perf_counter()
        result = model.infer(self.inputs(rows))
        # A linear model asks for frozen embeddings on its way; that time is booked as embedding.
        self.spent.infer_seconds += time.perf_counter() - start - (self.spent.embed_seconds - embedded)
        self.spent.rows_inferred += len(rows)
        return Inference(ops.finite(result.logits, "logits"), ops.finite(result.features, "features"))

    def _timed_features(self, rows: Rows) -> Floats:
        if self.model is None:
            return self.static(rows)
        start = time.perf_counter()
        features = self.model.features(self.inputs(rows))
        self.spent.infer_seconds += time.perf_counter() - start
        self.spent.rows_inferred += len(rows)
        return ops.finite(features, "features")

    def _recall(self, memory: _Remembered, rows: Rows, compute: Computation) -> tuple[Floats, ...]:
        if rows is self._block:  # a sweep of the pool keeps one block, so that it does not grow with the pool
            if memory.block is None:
                memory.block = tuple(frozen_floats(np.asarray(a)) for a in compute(rows))
            return memory.block
        missing = memory.missing(rows)
        if len(missing) or not memory.arrays:
            memory.add(missing, tuple(compute(missing)))
        return memory.at(rows)


class Computation(Protocol):
    """Computes arrays aligned with rows."""

    def __call__(self, rows: Rows, /) -> tuple[Floats, ...]: ...


__all__ = ["Embedder", "Labels", "Memory", "Mode", "PoolView", "Spent"]

"""Candidates ahead of time: embedded before they are clustered, or chosen among what is embedded when time is short."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator

from tyrogue.backbone import use_free_threads
from tyrogue.corpus.project import Project
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.pool import NO_ROWS, Inputs, frozen
from tyrogue.protocols import Strategy
from tyrogue.types import Rows, Selection
from tyrogue.view import PoolView

FIRST_SCREEN_SECONDS = 3.0
"""How long the very first candidates may take to embed; the rest follows while people label."""
SLICE = 128
"""Texts embedded between two looks at what else there is to do."""
MANY = 10_000
"""Embedded rows that are remembered for choosing in a hurry."""


class Say(Protocol):
    """Reports what is being done."""

    def __call__(self, phase: str, message: str = "", progress: float | None = None) -> None: ...


class Ahead:
    """Embeds candidates before they are needed.

    Args:
        project: whose texts.
        encoder: frozen, with its cache.
        say: reports phase, message and progress.
    """

    def __init__(self, project: Project, encoder: CachedEncoder, *, say: Say) -> None:
        self.project, self.encoder, self._say = project, encoder, say
        self._scouted = NO_ROWS
        self._spent = 0.0
        """Seconds that the last embedding took before something more urgent ended it."""

    @property
    def scouted(self) -> Rows:
        """Rows that were embedded for choosing in a hurry."""
        return self._scouted

    def embed(self, rows: Rows, what: str, view: PoolView, *, unless: Callable[[], bool]) -> bool:
        """Embeds these rows in slices, random ones first; False when `unless` came true before the end."""
        missing = rows[~self.encoder.filled(rows)] if view.mode == "cached" else view.unasked(rows)
        missing = np.random.default_rng(len(missing)).permutation(missing)
        began = time.perf_counter()
        for start in range(0, len(missing), SLICE):
            if start % (8 * SLICE) == 0:
                use_free_threads()
            self._say("embedding", f"Reading {len(missing)} texts for {what}", start / len(missing))
            some = missing[start : start + SLICE]
            if view.mode == "cached":
                self._remember(some)
            else:
                view.features(some)
            if start + SLICE < len(missing) and unless():
                self._spent = time.perf_counter() - began
                return False
        return True

    def in_a_hurry(
        self, strategy: Strategy, view: PoolView, n: int, rng: Generator, fresh: Callable[[Rows], Rows]
    ) -> Selection:
        """Lets a staged strategy choose among texts that are embedded, or that can be within seconds.

        Args:
            fresh: leaves out those not to be asked about while there are others.
        """
        if view.mode == "cached":
            known = self._scouted[view.pool.are_open(self._scouted)]
            if len(known) < 4 * n:
                self._scout(view, n, rng)
                known = self._scouted[view.pool.are_open(self._scouted)]
            return strategy.query(Scouted(view, fresh(known)), n, rng)
        return _with_candidates(strategy, max(2 * n, 500)).query(view, n, rng)

    def _scout(self, view: PoolView, n: int, rng: Generator) -> None:
        """Embeds as many texts as the first screen may wait for."""
        use_free_threads()
        self._say("embedding", "Reading the first texts")
        rows = rng.permutation(view.draw(MANY, rng))
        until = time.perf_counter() + FIRST_SCREEN_SECONDS - self._spent
        for start in range(0, len(rows), 32):
            self._remember(rows[start : start + 32])
            if start >= 2 * n and time.perf_counter() > until:
                return

    def _remember(self, rows: Rows) -> None:
        self.encoder.embed(Inputs(lambda: self.project.corpus.texts(rows), rows=rows))
        older = self._scouted[~np.isin(self._scouted, rows)]
        self._scouted = np.concatenate([rows, older])[:MANY]


class Scouted(PoolView):
    """A view that draws only from rows whose embeddings are there already: a random part of the pool."""

    def __init__(self, view: PoolView, rows: Rows) -> None:
        super().__init__(
            view.pool,
            view.model,
            view.embedder,
            n_classes=view.n_classes,
            mode=view.mode,
            round=view.round,
            before=lambda: view.before,
            memory=view.memory,
        )
        self._rows = rows

    @property
    def size(self) -> int:
        return len(self._rows)

    def draw(self, n: int, rng: Generator) -> Rows:
        chosen = rng.choice(self._rows, size=min(n, len(self._rows)), replace=False)
        return frozen(np.sort(chosen))


class Given(Scouted):
    """A view whose candidates were drawn before: those of them that are still open."""

    def __init__(self, view: PoolView, candidates: Rows) -> None:
        super().__init__(view, candidates[view.pool.are_open(candidates)])

    @property
    def size(self) -> int:
        return self.pool.size


def draws(strategy: Strategy) -> int:
    """Gives how many candidates the strategy draws; 0 when it has no such parameter."""
    drawn: Any = getattr(strategy, "candidates", 0)
    return int(drawn)


def _with_candidates(strategy: Strategy, n: int) -> Strategy:
    if (
        not is_dataclass(strategy)
        or isinstance(strategy, type)
        or "candidates" not in {f.name for f in fields(strategy)}
    ):
        return strategy
    return replace(strategy, candidates=n)

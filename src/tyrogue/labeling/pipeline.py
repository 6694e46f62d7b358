"""The pipeline: keeps the queue filled, so that nobody waits.

    stage (draw, embed, cluster) -> rank with the model at hand -> queue
    labels -> fit in a thread -> rank again what has not been shown

At least a batch is queued ahead at all times, ranked by the newest model there is; a better ranking replaces what has
not been shown yet, never what has. Everything it needs to go on after a crash is in the store: a round is
opened once, its stage saved before its first item is queued.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from tyrogue.backbone import use_free_threads
from tyrogue.corpus.project import Project
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.labeling.fitting import Fitter, Publication
from tyrogue.labeling.plan import Plan
from tyrogue.learner import rng_of, usable
from tyrogue.pool import NO_ROWS, Inputs, Pool
from tyrogue.protocols import Staged, Strategy
from tyrogue.store import NewItem, Round, Store
from tyrogue.types import Rows, Selection
from tyrogue.view import PoolView

FIRST_SCREEN_SECONDS = 3.0
"""How long the very first candidates may take to embed; the rest follows while people label."""

Say = Callable[..., None]


class Pipeline:
    """Does the next useful piece of work at each `step`; the trainer process owns the loop.

    Args:
        project: whose texts are labeled.
        store: where app and trainer meet.
        encoder: frozen, with its cache.
        say: reports phase, message and progress.
    """

    def __init__(self, project: Project, store: Store, encoder: CachedEncoder, *, say: Say) -> None:
        self.project, self.store, self.encoder, self._say = project, store, encoder, say
        self.fitter = Fitter(project, store, encoder, say=say)

    @property
    def plan(self) -> Plan:
        return Plan.of(self.project.settings, self.store.settings())

    def step(self) -> bool:
        """Does one piece of work; False when there was none."""
        return self._take_over() or self._refine() or self._fill() or self._follow_dial() or self.fitter.step(self.plan)

    # What to do next, most urgent first

    def _take_over(self) -> bool:
        """A model is ready: it becomes the current one, and what is not shown yet is ranked by it."""
        published: Publication | None = self.fitter.take()
        if published is None:
            return False
        last = self.store.last_round()
        if last is not None:
            self._queue(last, self._open_pool(replacing=last.number), replacing=True)
        return True

    def _fill(self) -> bool:
        """Less than a batch is queued: the next round is opened (or the one half opened finished)."""
        plan = self.plan
        if self.store.ready() >= plan.batch:
            return False
        last = self.store.last_round()
        unfinished = last is not None and last.queued == 0
        pool = self._open_pool(replacing=None)
        if pool.size == 0 and not len(self._audit_rows(1)):
            return self._note_exhausted(True)
        self._note_exhausted(False)
        current = last if last is not None and unfinished else self._open(0 if last is None else last.number + 1, plan)
        self._queue(current, pool, replacing=False)
        return True

    def _note_exhausted(self, exhausted: bool) -> bool:
        """Lets the page tell "all done" from "preparing"; whether that is news."""
        if bool(self.store.get("exhausted", False)) == exhausted:
            return False
        self.store.set("exhausted", exhausted)
        return True

    def _follow_dial(self) -> bool:
        """The dial or the batch moved: what is not shown yet is chosen again, from the same draw."""
        last, plan = self.store.last_round(), self.plan
        if last is None or last.queued == 0 or (last.ratio, last.size) == (plan.ratio, plan.batch):
            return False
        self.store.change_round(last.number, ratio=plan.ratio, size=plan.batch)
        moved = self.store.round(last.number)
        self._queue(moved, self._open_pool(replacing=last.number), replacing=True)
        return True

    def _refine(self) -> bool:
        """The first texts were chosen in a hurry: the rest of their batch is chosen again, from all candidates."""
        last = self.store.last_round()
        if (
            last is None
            or last.number != 0
            or last.staged
            or not last.queued
            or not isinstance(self._strategy(last), Staged)
        ):
            return False
        self._queue(last, self._open_pool(replacing=0), replacing=True)
        return True

    # Rounds

    def _open(self, number: int, plan: Plan) -> Round:
        return self.store.open_round(
            number,
            strategy=plan.strategy,
            parameters=dict(plan.parameters),
            seed=plan.seed,
            mode=plan.mode,
            size=plan.batch,
            ratio=plan.ratio,
        )

    def _strategy(self, current: Round) -> Strategy:
        plan = self.plan.changed(strategy=current.strategy, parameters=tuple(current.parameters.items()))
        return plan.changed(ratio=current.ratio if current.ratio is not None else plan.ratio).make_strategy()

    def _queue(self, current: Round, pool: Pool, *, replacing: bool) -> None:
        plan, started = self.plan, time.perf_counter()
        view = PoolView(
            pool,
            self.fitter.model,
            self.encoder,
            n_classes=len(self.fitter.class_ids),
            mode=plan.mode,
            round=current.number,
        )
        hurried = current.number == 0 and not replacing and not view.fitted
        wanted = max(plan.batch - plan.audited, 1)
        selection = self._select(current, view, wanted, hurried=hurried)
        version = self.fitter.version if view.fitted else ""
        items = self._with_audit(self._items(selection, view, version), plan)
        self.store.enqueue(current.number, items, replace=replacing, limit=plan.batch)
        self.store.time_round(current.number, "select_seconds", time.perf_counter() - started)
        self._say("waiting", "")

    def _select(self, current: Round, view: PoolView, n: int, *, hurried: bool) -> Selection:
        strategy = usable(self._strategy(current), view)
        n = min(n, view.size)
        if n == 0:
            return Selection(NO_ROWS, np.empty(0, np.float32), {})
        rng = rng_of(current.seed, current.number)
        if not isinstance(strategy, Staged):
            self._say("ranking", f"Choosing batch {current.number + 1}")
            return strategy.query(view, n, rng)
        if hurried:
            fewer = _with_candidates(strategy, self._affordable(view, n, rng_of(current.seed, current.number, 2)))
            if fewer is not None:
                return fewer.query(view, n, rng)
        stage = self.store.stage(current.number)
        if stage is None:
            self._embed_ahead(view, strategy, current)
            self._say("clustering", f"Preparing batch {current.number + 1}")
            stage = strategy.stage(view, n, rng)
            self.store.save_stage(current.number, stage.candidates, stage.rows, stage.facts)
        return strategy.rank(view, stage, n)

    def _affordable(self, view: PoolView, n: int, rng: np.random.Generator) -> int:
        """How many candidates can be embedded before the first text must be on the screen."""
        self._say("embedding", "Reading the first texts")
        use_free_threads()
        probe, started = view.draw(64, rng), time.perf_counter()
        self.encoder.embed(view.inputs(probe))
        rate = len(probe) / max(time.perf_counter() - started, 1e-3)
        return max(int(rate * FIRST_SCREEN_SECONDS), 2 * n)

    def _embed_ahead(self, view: PoolView, strategy: Strategy, current: Round) -> None:
        """Embeds the candidates in slices, so that progress is seen; the stage then finds them in the cache."""
        n = getattr(strategy, "candidates", 0)
        if view.mode != "cached" or not n:
            return
        rows = view.draw(n, rng_of(current.seed, current.number))
        missing = rows[~self.encoder.filled(rows)]
        for start in range(0, len(missing), 256):
            if start % 2048 == 0:
                use_free_threads()
            self._say("embedding", f"Reading {len(missing)} texts for batch {current.number + 1}", start / len(missing))
            self.encoder.embed(self._inputs(missing[start : start + 256]))

    def _inputs(self, rows: Rows) -> Inputs:
        return Inputs(lambda: self.project.corpus.texts(rows), rows=rows)

    def _items(self, selection: Selection, view: PoolView, version: str) -> list[NewItem]:
        probabilities = view.probabilities(selection.rows).tolist() if view.fitted and len(selection.rows) else None
        facts = {name: values.tolist() for name, values in selection.facts.items()}
        shared = {"drawn": min(getattr(self._strategy_now, "candidates", view.size), view.size)}
        return [
            NewItem(
                row=int(row),
                kind="query",
                score=float(selection.score[i]),
                facts=shared | {name: values[i] for name, values in facts.items()},
                model_version=version or None,
                probabilities=None if probabilities is None else probabilities[i],
            )
            for i, row in enumerate(selection.rows)
        ]

    @property
    def _strategy_now(self) -> Strategy:
        return self.plan.make_strategy()

    def _with_audit(self, items: list[NewItem], plan: Plan) -> list[NewItem]:
        """Spreads reference texts evenly over the batch: labeled blind, never trained on."""
        audit = [NewItem(row=int(row), kind="reference", blind=True) for row in self._audit_rows(plan.audited)]
        head, rest = items[: plan.batch - len(audit)], items[plan.batch - len(audit) :]
        every = max(len(head) // (len(audit) + 1), 1)
        for i, item in enumerate(audit):
            head.insert(min((i + 1) * every + i, len(head)), item)
        return head + rest

    def _audit_rows(self, n: int) -> Rows:
        """The next reference texts, in an order that is random and never changes, that nobody has been shown."""
        reference = self._reference_order()
        seen = np.concatenate([self.store.queued_rows(shown=True), self.store.answered_rows()])
        return reference[~np.isin(reference, seen)][:n]

    def _reference_order(self) -> Rows:
        # By a hash of the row: the order stays when the sample grows with the pool.
        reference = self.project.corpus.reference
        mixed = (reference.astype(np.uint64) + np.uint64(self.plan.seed + 1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
        return reference[np.argsort(mixed ^ (mixed >> np.uint64(29)), kind="stable")]

    def _open_pool(self, *, replacing: int | None) -> Pool:
        """Gives the pool of rows that may be asked about now; `replacing` reopens what a round has not shown."""
        pool = Pool(self.project.corpus, reference=self.project.corpus.reference)
        rows, labels = self.fitter.training_labels()
        pool.teach(rows, labels)
        pool.close(self.store.queued_rows(without_unseen_of=replacing))
        pool.close(self.store.answered_rows())
        return pool


def _with_candidates(strategy: Strategy, n: int) -> Strategy | None:
    """Gives the strategy drawing fewer candidates, or None when it has no such parameter or draws no more anyway."""
    if (
        not is_dataclass(strategy)
        or isinstance(strategy, type)
        or "candidates" not in {f.name for f in fields(strategy)}
    ):
        return None
    drawn: Any = getattr(strategy, "candidates", 0)
    return replace(strategy, candidates=n) if n < drawn else None

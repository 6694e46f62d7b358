"""The pipeline: keeps the queue filled, so that nobody waits.

    stage (draw, embed, cluster) -> rank with the model at hand -> queue
    labels -> fit in a thread -> rank again what has not been shown

At least a batch is queued ahead at all times, ranked by the newest model there is; a better ranking replaces what has
not been shown yet, never what has. Everything it needs to go on after a crash is in the store: a round is
opened once, and its stage is saved before its items are final.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from tyrogue.corpus.project import Project
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.errors import NonFinite
from tyrogue.labeling.ahead import Ahead, Say, draws
from tyrogue.labeling.fitting import Fitter
from tyrogue.labeling.plan import Plan
from tyrogue.learner import rng_of, usable
from tyrogue.pool import NO_ROWS, Pool, as_rows
from tyrogue.protocols import Staged, Strategy
from tyrogue.store import NewItem, Round, Store
from tyrogue.strategies.random import Random
from tyrogue.types import Rows, Selection
from tyrogue.view import PoolView


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
        self.ahead = Ahead(project, encoder, say=say)

    @property
    def plan(self) -> Plan:
        return Plan.of(self.project.settings, self.store.settings())

    def step(self) -> bool:
        """Does one piece of work; False when there was none."""
        return self._take_over() or self._refine() or self._fill() or self._follow_dial() or self.fitter.step(self.plan)

    # What to do next, most urgent first

    def _take_over(self) -> bool:
        """A fit has ended: its model takes charge and ranks what is not shown yet, or the one before stays."""
        if not self.fitter.finished:
            return False
        taken, last = self.fitter.take(), self.store.last_round()
        self._say("waiting")
        if taken is not None and last is not None:
            self._queue(last, replacing=True)
        return True

    def _refine(self) -> bool:
        """The last batch was chosen in a hurry: the rest of it is chosen again, from all candidates."""
        last = self.store.last_round()
        if last is None or last.staged or not last.queued or self._hurry():
            return False
        if not isinstance(self._strategy(last), Staged):
            return False
        view = self._view(last, replacing=True)
        if not view.size or not self._prepared(last, view):
            return False
        self._queue(last, replacing=True)
        return True

    def _fill(self) -> bool:
        """Less than a batch is queued: the next round is opened (or the one half opened is finished)."""
        plan, last = self.plan, self.store.last_round()
        if self.store.ready() >= plan.batch:
            return False
        if self._open_pool(replacing=None).size == 0 and not len(self._audit_rows(plan.audited, replacing=None)):
            return self._note_exhausted(True)
        unfinished = last is not None and last.queued == 0
        current = last if last is not None and unfinished else self._open(0 if last is None else last.number + 1, plan)
        return self._note_exhausted(not self._queue(current, replacing=False)) or not self.exhausted

    def _follow_dial(self) -> bool:
        """The dial or the batch moved: what is not shown yet is chosen again, from the same draw."""
        last, plan = self.store.last_round(), self.plan
        if last is None or last.queued == 0 or (last.ratio, last.size) == (plan.ratio, plan.batch):
            return False
        self._queue(self.store.change_round(last.number, ratio=plan.ratio, size=plan.batch), replacing=True)
        return True

    def _hurry(self) -> bool:
        """Whether people might reach the end of the queue before all candidates are embedded."""
        return self.store.ready() < self.plan.batch // 2

    def _note_exhausted(self, exhausted: bool) -> bool:
        """Lets the page tell "all done" from "preparing"; whether that is news."""
        if self.exhausted == exhausted:
            return False
        self.store.set("exhausted", exhausted)
        return True

    @property
    def exhausted(self) -> bool:
        """Whether there was nothing left to ask when it was last looked."""
        return bool(self.store.get("exhausted", False))

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
        plan = replace(self.plan, strategy=current.strategy, parameters=tuple(current.parameters.items()))
        return (replace(plan, ratio=int(current.ratio)) if current.ratio is not None else plan).make_strategy()

    def _view(self, current: Round, *, replacing: bool) -> PoolView:
        return PoolView(
            self._open_pool(replacing=current.number if replacing else None),
            self.fitter.model,
            self.encoder,
            n_classes=len(self.fitter.class_ids),
            mode=self.plan.mode,
            round=current.number,
        )

    def _queue(self, current: Round, *, replacing: bool) -> int:
        """Chooses the batch of a round with what is known now; gives how many items were queued beside those shown.

        Raises:
            Exception: the batch could not be chosen. When the queue was about to run dry, texts at random were queued
                all the same; they are replaced when what is wrong has been mended.
        """
        started = time.perf_counter()
        try:
            items = self._chosen(current, replacing=replacing)
        except Exception:
            if not replacing and self._hurry():
                view = self._view(current, replacing=False)
                rows = Random().query(view, self.plan.batch, rng_of(current.seed, current.number)).rows
                self._put(current, [NewItem(int(row), facts={"step": "random"}) for row in rows], replacing=False)
            raise
        queued = self._put(current, items, replacing=replacing)
        self.store.time_round(current.number, "select_seconds", time.perf_counter() - started)
        self._say("waiting")
        return queued

    def _put(self, current: Round, items: list[NewItem], *, replacing: bool) -> int:
        items = self._with_audit(items, current, replacing=replacing)
        return self.store.enqueue(current.number, items, replace=replacing, limit=self.plan.batch)

    def _chosen(self, current: Round, *, replacing: bool) -> list[NewItem]:
        """Chooses with the model in charge; with none when that model gives no finite numbers."""
        view = self._view(current, replacing=replacing)
        try:
            return self._items(self._select(current, view), view)
        except NonFinite as error:
            if not view.fitted:
                raise
            self.fitter.reject(error)
        view = self._view(current, replacing=replacing)
        return self._items(self._select(current, view), view)

    def _select(self, current: Round, view: PoolView) -> Selection:
        n = min(max(self.plan.batch - self.plan.audited, 1), view.size)
        if not n:
            return Selection(NO_ROWS, np.empty(0, np.float32), {})
        strategy, rng = usable(self._strategy(current), view), rng_of(current.seed, current.number)
        if not isinstance(strategy, Staged):
            self._say("ranking", f"Choosing batch {current.number + 1}")
            return strategy.query(view, n, rng)
        stage = self.store.stage(current.number)
        if stage is None and not self._prepared(current, view):
            return self.ahead.in_a_hurry(strategy, view, n, rng)
        if stage is None:
            self._say("clustering", f"Preparing batch {current.number + 1}")
            stage = strategy.stage(view, n, rng)
            self.store.save_stage(current.number, stage.candidates, stage.rows, stage.facts)
        return strategy.rank(view, stage, n)

    def _prepared(self, current: Round, view: PoolView) -> bool:
        """Embeds the candidates of a round; False when something more urgent came up first."""
        candidates = draws(self._strategy(current))
        if view.mode != "cached" or not candidates:
            return True
        rows = view.draw(candidates, rng_of(current.seed, current.number))
        return self.ahead.embed(rows, f"batch {current.number + 1}", unless=self._something_urgent)

    def _something_urgent(self) -> bool:
        self.fitter.step(self.plan)
        return self._hurry() or self.fitter.finished

    # Items

    def _items(self, selection: Selection, view: PoolView) -> list[NewItem]:
        fitted = view.fitted and len(selection.rows) > 0
        probabilities: list[Any] = view.probabilities(selection.rows).tolist() if fitted else []
        facts = {name: values.tolist() for name, values in selection.facts.items()}
        drawn = min(draws(self.plan.make_strategy()) or view.size, view.size)
        texts = view.texts(selection.rows)
        first = {text: i for i, text in reversed(list(enumerate(texts)))}
        return [
            NewItem(
                row=int(row),
                score=float(selection.score[i]),
                facts={"drawn": drawn} | {name: values[i] for name, values in facts.items()},
                model_version=self.fitter.version if fitted else None,
                probabilities=probabilities[i] if fitted else None,
            )
            for i, row in enumerate(selection.rows)
            if first[texts[i]] == i  # of two copies among the candidates one is asked
        ]

    def _with_audit(self, items: list[NewItem], current: Round, *, replacing: bool) -> list[NewItem]:
        """Spreads reference texts evenly over what is left of the batch: labeled blind, never trained on."""
        plan, kept = self.plan, self.store.kept(current.number)
        rows = self._audit_rows(
            max(plan.audited - kept["reference"], 0), replacing=current.number if replacing else None
        )
        audit = [NewItem(row=int(row), kind="reference", blind=True) for row in rows]
        split = max(plan.batch - kept.total() - len(audit), 0)
        head, rest = items[:split], items[split:]
        every = len(head) / (len(audit) + 1)
        for i, item in enumerate(audit):
            head.insert(int((i + 1) * every) + i, item)
        return head + rest

    def _audit_rows(self, n: int, *, replacing: int | None) -> Rows:
        """The next n reference texts that nobody was or will be asked about, nor about a copy of them, in an order that
        is random and never changes."""
        if not n:
            return NO_ROWS
        queued = self.store.queued_rows(without_unseen_of=replacing)
        taken, chosen = {*queued.tolist(), *self.store.answered_rows().tolist()}, list[int]()
        for row in self._reference_order().tolist():
            if row not in taken and taken.isdisjoint(self.project.corpus.duplicates(as_rows([row])).tolist()):
                chosen.append(row)
                taken.add(row)
            if len(chosen) == n:
                break
        return as_rows(chosen)

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

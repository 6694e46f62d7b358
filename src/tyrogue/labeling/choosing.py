"""What a batch is made of: candidates drawn and clustered once, ranked by the model in charge, with audits between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tyrogue import ops
from tyrogue.corpus.project import Project
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.errors import NonFinite
from tyrogue.labeling.ahead import Ahead, Given, Say, draws
from tyrogue.labeling.checks import order_of
from tyrogue.labeling.fitting import Fitter
from tyrogue.labeling.near import Candidates, near_duplicates, repeats
from tyrogue.labeling.plan import Plan
from tyrogue.learner import rng_of, usable
from tyrogue.pool import NO_ROWS, Inputs, Pool, as_rows
from tyrogue.protocols import Staged, Strategy
from tyrogue.store import NewItem, Round, Store
from tyrogue.strategies.balance import Balance
from tyrogue.strategies.random import Random
from tyrogue.types import Floats, Rows, Selection, Stage
from tyrogue.view import Memory, PoolView

CLUSTERING = 2
"""Purpose of the generator that stages the candidates: apart from the one that drew them, so that the dial can be moved
there and back."""
MOST_REMEMBERED = 50_000
"""Rows whose answers by the model in charge are kept."""


class Chooser:
    """Chooses texts with what is known now.

    Args:
        project, store: whose texts, and where the queue is.
        encoder: frozen, with its cache.
        fitter: has the model in charge.
        say: reports phase, message and progress.
        urgent: whether something else must be done first; embedding stops then.
    """

    def __init__(
        self,
        project: Project,
        store: Store,
        encoder: CachedEncoder,
        fitter: Fitter,
        *,
        say: Say,
        urgent: Callable[[], bool],
    ) -> None:
        self.project, self.store, self.encoder, self.fitter = project, store, encoder, fitter
        self._say, self._urgent = say, urgent
        self.ahead = Ahead(project, encoder, say=say)
        self._seed = Plan.of(project.settings, {}).seed
        self._memory: tuple[str, Memory] = "", Memory()
        self._candidates: tuple[bytes, Candidates] | None = None

    # The batch

    def batch(self, current: Round, plan: Plan, *, replacing: bool) -> list[NewItem]:
        """Gives the texts of a round, best first, a ranked reserve after them.

        Args:
            replacing: they replace what nobody has seen of the round.
        """
        return self._with_audit(self._queried(current, plan, replacing=replacing), current, plan, replacing=replacing)

    def anything(self, current: Round, plan: Plan) -> list[NewItem]:
        """Gives texts at random: this needs no model, no embeddings and no disk."""
        view = self.view(current, plan, replacing=False)
        rows = Random().query(view, plan.batch, rng_of(current.seed, current.number)).rows
        items = [NewItem(int(row), facts={"step": "random"}) for row in rows]
        return self._with_audit(items, current, plan, replacing=False)

    def nothing_left(self, plan: Plan) -> bool:
        """Whether no text is open, nor one of the reference sample that is wanted for the audit."""
        return self.open_pool(replacing=None).size == 0 and not len(self._audit_rows(plan.audited, replacing=None))

    def _queried(self, current: Round, plan: Plan, *, replacing: bool) -> list[NewItem]:
        """Chooses with the model in charge; with none when that model gives no finite numbers."""
        view = self.view(current, plan, replacing=replacing)
        try:
            return self._items(self._select(current, plan, view), current, plan, view)
        except NonFinite as error:
            if not view.fitted:
                raise
            self.fitter.reject(error)
        view = self.view(current, plan, replacing=replacing)
        return self._items(self._select(current, plan, view), current, plan, view)

    def _select(self, current: Round, plan: Plan, view: PoolView) -> Selection:
        n, rng = asked(plan, view), rng_of(current.seed, current.number)
        if not n:
            return Selection(NO_ROWS, np.empty(0, np.float32), {})
        strategy = usable(strategy_of(current, plan), view)
        if not isinstance(strategy, Staged):
            self._say("ranking", f"Choosing batch {current.number + 1}")
            return strategy.query(view, n, rng)
        stage = self.store.stage(current.number)
        if stage is None and not self.prepared(current, plan, view):
            return self.ahead.in_a_hurry(strategy, view, n, rng, lambda rows: self._fresh(rows, view, n))
        return strategy.rank(view, stage or self.stage(current, plan, view, self._draw(strategy, current, view, n)), n)

    # The stage

    def prepared(self, current: Round, plan: Plan, view: PoolView) -> bool:
        """Embeds the candidates of a round; False when something more urgent came up first."""
        candidates = draws(strategy_of(current, plan))
        if not candidates:
            return True
        rows = view.draw(candidates, rng_of(current.seed, current.number))
        return self.ahead.embed(rows, f"batch {current.number + 1}", view, unless=self._urgent)

    def stage(self, current: Round, plan: Plan, view: PoolView, candidates: Rows | None) -> Stage:
        """Makes and saves the stage of a round from these candidates, as far as they are open still."""
        self._say("clustering", f"Preparing batch {current.number + 1}")
        made = self.staged(current, plan, view, candidates)
        self.save(current, made)
        return made

    def save(self, current: Round, made: Stage) -> None:
        """Saves the stage of a round, and for the page what the strategy chose the ratio by, where it did so itself."""
        self.store.save_stage(current.number, made.candidates, made.rows, made.facts)
        if len(made.facts.get("ratio", ())):
            self.store.set("balance", {name: float(made.facts[name][0]) for name in Balance._fields})

    def staged(self, current: Round, plan: Plan, view: PoolView, candidates: Rows | None) -> Stage:
        """Gives that stage; the same one for the same candidates and the same dial."""
        strategy = strategy_of(current, plan)
        if not isinstance(strategy, Staged):
            raise TypeError(f"{current.strategy} has no stage.")
        seen = view if candidates is None else Given(view, candidates)
        return strategy.stage(seen, asked(plan, view), rng_of(current.seed, current.number, CLUSTERING))

    def ranked(self, current: Round, plan: Plan, view: PoolView, stage: Stage) -> Selection:
        """Gives a stage ranked by the model in charge."""
        strategy = strategy_of(current, plan)
        if not isinstance(strategy, Staged):
            raise TypeError(f"{current.strategy} has no stage.")
        return strategy.rank(view, stage, asked(plan, view))

    def _draw(self, strategy: Staged, current: Round, view: PoolView, n: int) -> Rows | None:
        wanted = draws(strategy)
        return self._fresh(view.draw(max(wanted, n), rng_of(current.seed, current.number)), view, n) if wanted else None

    def _fresh(self, rows: Rows, view: PoolView, n: int) -> Rows:
        """Gives those of the rows that repeat nothing, or all of them when these are less than n."""
        found = rows[~self._repeated(rows, view)]
        return found if len(found) >= n else rows

    def _repeated(self, rows: Rows, view: PoolView) -> NDArray[np.bool_]:
        """Says which rows nearly repeat a text that somebody has decided about, or that is queued.

        Labeling them teaches next to nothing, and nobody labels them unasked: they come last. Copies of random checks
        come as they come: no model learns from the check itself.
        """
        taken = np.setdiff1d(np.union1d(view.pool.labeled, view.pool.closed), view.pool.reference)
        taken = np.setdiff1d(taken[self.encoder.filled(taken)], rows)
        found, known = np.zeros(len(rows), bool), self.encoder.filled(rows)
        if len(taken) and known.any():
            among = Candidates(taken, self._vectors(taken))
            found[known] = repeats(rows[known], self._vectors(rows[known]), among, self.project.corpus.texts)
        return found

    # What is known

    def view(self, current: Round, plan: Plan, *, replacing: bool) -> PoolView:
        """Gives what the strategy may know; the model in charge is not asked twice about a row."""
        if self._memory[0] != self.fitter.version or len(self._memory[1]) > MOST_REMEMBERED:
            self._memory = self.fitter.version, Memory()
        pool, n_classes = self.open_pool(replacing=current.number if replacing else None), len(self.fitter.class_ids)
        same_columns = self.fitter.class_ids == self.store.class_index()
        return PoolView(
            pool,
            self.fitter.model,
            self.encoder,
            n_classes=n_classes,
            mode=plan.mode,
            round=current.number,
            before=(lambda: self.store.before(pool.labeled, n_classes)) if same_columns else None,
            memory=self._memory[1],
        )

    def open_pool(self, *, replacing: int | None) -> Pool:
        """Gives the pool of rows that may be asked about now; `replacing` reopens what a round has not shown."""
        pool = Pool(self.project.corpus, reference=self.project.corpus.reference)
        rows, labels = self.fitter.training_labels()
        pool.teach(rows, labels)
        pool.close(self.store.queued_rows(without_unseen_of=replacing))
        pool.close(self.fitter.known.answered())
        return pool

    # Items

    def _items(self, selection: Selection, current: Round, plan: Plan, view: PoolView) -> list[NewItem]:
        fitted = view.fitted and len(selection.rows) > 0
        probabilities: list[Any] = view.probabilities(selection.rows).tolist() if fitted else []
        facts = {name: values.tolist() for name, values in selection.facts.items()}
        drawn = min(draws(plan.make_strategy()) or view.size, view.size)
        texts = view.texts(selection.rows)
        # Rows of a stage, or copies of them, may have been labeled or queued in another batch since it was made.
        open_now = view.pool.are_open(selection.rows)
        first = {texts[i]: int(i) for i in np.flatnonzero(open_now)[::-1]}
        near = self._near(selection.rows[: 2 * plan.batch], current, plan, view)
        repeated = {row for rows in near.values() for row in rows}
        items = [
            NewItem(
                row=int(row),
                score=float(selection.score[i]),
                facts={"drawn": drawn}
                | {name: values[i] for name, values in facts.items()}
                | ({"near": near[int(row)]} if near.get(int(row)) else {}),
                model_version=self.fitter.version if fitted else None,
                probabilities=probabilities[i] if fitted else None,
            )
            for i, row in enumerate(selection.rows)
            if first.get(texts[i]) == i and int(row) not in repeated  # of copies among the candidates one is asked
        ]
        last = set(selection.rows[self._repeated(selection.rows, view)].tolist())
        return sorted(items, key=lambda item: item.row in last)

    def _near(self, rows: Rows, current: Round, plan: Plan, view: PoolView) -> dict[int, list[int]]:
        """Gives the near-duplicates of each of these rows among the round's candidates; of several in one batch, only
        the first has the others."""
        stage = self.store.stage(current.number)
        scouted = self.ahead.scouted[: draws(strategy_of(current, plan))]
        known = self._embedded(scouted if stage is None else stage.candidates)
        mine = rows[self.encoder.filled(rows)]
        if not len(mine) or not len(known.rows):
            return {}
        open_now = view.pool.are_open(known.rows)
        among = Candidates(known.rows[open_now], known.vectors[open_now])
        found, taken = dict[int, list[int]](), set[int]()
        for row, near in zip(mine.tolist(), near_duplicates(mine, self._vectors(mine), among, view.texts), strict=True):
            if row not in taken:
                found[row] = [other for other in near.tolist() if other not in taken and other not in found]
                taken.update(found[row])
        return {row: near for row, near in found.items() if near}

    def _embedded(self, rows: Rows) -> Candidates:
        """Gives those of the rows that are embedded, with unit vectors; the last ones asked for are remembered."""
        rows = rows[self.encoder.filled(rows)]
        key = rows.tobytes()
        if self._candidates is None or self._candidates[0] != key:
            self._candidates = key, Candidates(rows, self._vectors(rows) if len(rows) else np.empty((0, 0), np.float32))
        return self._candidates[1]

    def _vectors(self, rows: Rows) -> Floats:
        return ops.unit(self.encoder.embed(Inputs(lambda: self.project.corpus.texts(rows), rows=rows)))

    def _with_audit(self, items: list[NewItem], current: Round, plan: Plan, *, replacing: bool) -> list[NewItem]:
        """Spreads reference texts evenly over what is left of the batch: labeled blind, never trained on."""
        kept = self.store.kept(current.number)
        wanted = max(plan.audited - kept["reference"], 0)
        rows = self._audit_rows(wanted, replacing=current.number if replacing else None)
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
        taken, chosen = {*queued.tolist(), *self.fitter.known.answered().tolist()}, list[int]()
        for row in order_of(self.project.corpus.reference, self._seed).tolist():
            if row not in taken and taken.isdisjoint(self.project.corpus.duplicates(as_rows([row])).tolist()):
                chosen.append(row)
                taken.add(row)
            if len(chosen) == n:
                break
        return as_rows(chosen)


def strategy_of(current: Round, plan: Plan) -> Strategy:
    """Gives the acquisition function of a round, its dial where the round says."""
    ratio: int | Literal["auto"] = "auto" if current.ratio is None else int(current.ratio)
    of_round = replace(plan, strategy=current.strategy, parameters=tuple(current.parameters.items()), ratio=ratio)
    return of_round.make_strategy()


def asked(plan: Plan, view: PoolView) -> int:
    """Gives how many texts the strategy is asked for: the batch without its audits, or what is left."""
    return min(max(plan.batch - plan.audited, 1), view.size)

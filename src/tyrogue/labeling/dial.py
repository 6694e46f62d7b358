"""The dial ahead of time: what the batch would be at other ratios, so that nobody waits when it is moved.

The candidates of the round stay the same; only the clusters depend on the ratio, and only the texts nearest to their
centers pass through the model. While there is nothing else to do, both are computed for the ratios around the present
one and for those that somebody asked to preview.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tyrogue.labeling.choosing import Chooser, asked
from tyrogue.labeling.plan import Plan
from tyrogue.labeling.preview import Json, publish, wanted_of
from tyrogue.store import Round, Store
from tyrogue.strategies.balance import USUAL
from tyrogue.types import Rows, Stage
from tyrogue.view import PoolView

RATIOS = (1, 2, 3, 4, 6, 8, 10)
"""Settings of the dial that are prepared, those nearest to the present one first."""
SLICE = 32
"""Texts that pass through the model between two looks at what else there is to do."""


class Dial:
    """Prepares the batch of a round at other ratios.

    Args:
        store: where the page asks and is answered.
        chooser: makes stages.
    """

    def __init__(self, store: Store, chooser: Chooser) -> None:
        self.store, self.chooser = store, chooser
        self._stages: dict[tuple[int, ...], Stage] = {}
        self._done: dict[bool, tuple[Any, ...]] = {}

    def stage(self, moved: Round, plan: Plan, candidates: Rows) -> None:
        """Saves the stage of a round whose dial was moved: of the same candidates, prepared or made now."""
        view = self.chooser.view(moved, plan, replacing=True)
        if asked(plan, view):
            made = self._staged(moved, plan, view, candidates)
            # All of them, those too that another batch has taken since: what was prepared was made of these.
            self.chooser.save(moved, made._replace(candidates=candidates))

    def step(self, last: Round, plan: Plan, *, hurried: bool, unless: Callable[[], bool]) -> bool:
        """Prepares more for the newest round; False when everything is there.

        Args:
            hurried: leave out what nobody has asked for.
            unless: whether there is something else to do.
        """
        if not plan.has_dial:
            return False
        wanted = tuple(wanted_of(self.store))
        present = USUAL if plan.ratio == "auto" else plan.ratio
        around = sorted(RATIOS, key=lambda ratio: abs(math.log(ratio / present)))
        ratios = tuple(dict.fromkeys(wanted if hurried else [*wanted, *around]))
        key = (last.number, last.ratio, plan.batch, plan.audited, self.chooser.fitter.version, ratios)
        if not ratios or self._done.get(hurried) == key:
            return False
        try:
            if not self._prepare(last, plan, ratios, unless):
                return True
        except Exception:  # a convenience: what is wrong is said where it matters, at the batch itself
            traceback.print_exc()
        self._done[hurried] = key
        return True

    def _prepare(self, last: Round, plan: Plan, ratios: tuple[int, ...], unless: Callable[[], bool]) -> bool:
        """Makes stages, asks the model about their texts, publishes; False when something came up before the end."""
        current = self.store.stage(last.number)
        view = self.chooser.view(last, plan, replacing=True)
        if current is None or not asked(plan, view):
            return True
        stages: dict[int, Stage] = {}
        for ratio in ratios:
            stages[ratio] = self._staged(replace(last, ratio=ratio), plan, view, current.candidates)
            missing = view.unasked(stages[ratio].rows) if view.fitted else stages[ratio].rows[:0]
            for start in range(0, len(missing), SLICE):
                view.logits(missing[start : start + SLICE])
                if unless():
                    return False
            if unless():
                return False
        self._publish(last, plan, view, stages)
        return True

    def _staged(self, current: Round, plan: Plan, view: PoolView, candidates: Rows) -> Stage:
        self._stages = {key: stage for key, stage in self._stages.items() if key[0] == current.number}
        key = (current.number, int(current.ratio or 0), asked(plan, view), len(candidates))
        if key not in self._stages:
            self._stages[key] = self.chooser.staged(current, plan, view, candidates)
        return self._stages[key]

    def _publish(self, last: Round, plan: Plan, view: PoolView, stages: Mapping[int, Stage]) -> None:
        batches = {str(ratio): self._batch(replace(last, ratio=ratio), plan, view, s) for ratio, s in stages.items()}
        publish(self.store, batches, round=last.number, batch=plan.batch, model=self.chooser.fitter.version or None)

    def _batch(self, current: Round, plan: Plan, view: PoolView, stage: Stage) -> list[Json]:
        selection = self.chooser.ranked(current, plan, view, stage)
        facts = {"score": selection.score.tolist()} | {name: fact.tolist() for name, fact in selection.facts.items()}
        rows = selection.rows[: asked(plan, view)].tolist()
        return [{"row": row, "facts": {name: fact[i] for name, fact in facts.items()}} for i, row in enumerate(rows)]

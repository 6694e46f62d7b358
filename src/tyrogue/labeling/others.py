"""What the model thinks of every point of the map, and what other strategies would choose from the same candidates.

Asking a fine-tuned transformer about every point would take minutes of a laptop. A linear model on the frozen
embeddings, trained on the same labels, answers for it; where the model in charge is linear, it answers itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from tyrogue import models, ops, strategies
from tyrogue.labeling import atlas
from tyrogue.labeling.atlas import Atlas
from tyrogue.labeling.choosing import Chooser, asked
from tyrogue.labeling.plan import Plan
from tyrogue.labeling.wishes import CHOICES, OPINIONS, PICKS, strategies_wanted, wanted_lately
from tyrogue.learner import rng_of, usable
from tyrogue.pool import NO_ROWS, Inputs, frozen
from tyrogue.protocols import Classifier, Strategy
from tyrogue.store import Round, Store
from tyrogue.types import UNLABELED, Floats, Rows
from tyrogue.view import PoolView

COMPARING = 3
"""Purpose of their generator: apart from those that draw and cluster the batch itself."""
BLOCK = 4096


class Among(PoolView):
    """A view whose pool is the candidates: strategies that look at everything look at these."""

    def __init__(self, view: PoolView, model: Classifier | None, n_classes: int, rows: Rows) -> None:
        super().__init__(view.pool, model, view.embedder, n_classes=n_classes, mode="cached", round=view.round)
        self._rows = frozen(np.sort(rows))

    @property
    def size(self) -> int:
        return len(self._rows)

    def draw(self, n: int, rng: Generator) -> Rows:
        return frozen(np.sort(rng.choice(self._rows, size=min(n, len(self._rows)), replace=False)))

    def blocks(self, size: int = BLOCK) -> Iterator[Rows]:
        for start in range(0, len(self._rows), size):
            yield self._rows[start : start + size]


class Others:
    """Answers what the open map asks.

    Args:
        store: where the page asks and is answered.
        chooser: knows pool, model and embeddings.
    """

    def __init__(self, store: Store, chooser: Chooser) -> None:
        self.store, self.chooser = store, chooser
        self._model: tuple[str, Classifier | None, tuple[int, ...]] | None = None
        self._told: tuple[object, ...] = ()
        self._picked: dict[str, tuple[object, ...]] = {}

    def step(self, last: Round, plan: Plan, drawn: Atlas | None) -> bool:
        """Answers one question; False when all are answered."""
        if not wanted_lately(self.store):
            return False
        return self._tell(drawn) or any(self._pick(name, last, plan) for name in strategies_wanted(self.store))

    def waited_for(self, last: Round, plan: Plan, drawn: Atlas | None) -> bool:
        """Whether somebody looks at the map and has not been told everything yet."""
        if not wanted_lately(self.store):
            return False
        version, staged = self.chooser.fitter.version, self._staged(last)
        untold = bool(version) and drawn is not None and self._told != (version, drawn.version)
        names = [] if staged is None else strategies_wanted(self.store)
        return untold or any(self._picked.get(name) != self._key(staged, plan) for name in names)

    def _tell(self, drawn: Atlas | None) -> bool:
        """Says of each point the class that the model gives it, and its doubt."""
        version = self.chooser.fitter.version
        if drawn is None or not version or self._told == (version, drawn.version):
            return False
        model, class_ids = self._stand_in()
        if model is None:
            return False
        told = np.empty(len(drawn.rows), atlas.OPINIONS)
        for start in range(0, len(drawn.rows), BLOCK):
            some = slice(start, start + BLOCK)
            logits = self._logits(model, drawn.rows[some])
            told["class_id"][some] = np.array(class_ids)[logits.argmax(1)]
            told["entropy"][some] = ops.entropy(logits) / max(np.log(len(class_ids)), 1e-9)
        atlas.write(atlas.folder(self.chooser.project) / "opinions.npy", told)
        self._told = (version, drawn.version)
        self.store.set(OPINIONS, {"model": version, "version": drawn.version, "stands_in": self._stands_in()})
        return True

    def _pick(self, name: str, last: Round, plan: Plan) -> bool:
        """Says which candidates a strategy would choose: those of the newest round that has all of its."""
        staged = self._staged(last)
        key = self._key(staged, plan)
        stage = None if staged is None else self.store.stage(staged.number)
        if name not in CHOICES or staged is None or stage is None or self._picked.get(name) == key:
            return False
        model, class_ids = self._stand_in()
        view = self.chooser.view(staged, plan, replacing=True)
        candidates = stage.candidates[view.pool.are_open(stage.candidates)]
        candidates = candidates[self.chooser.encoder.filled(candidates)]
        among = Among(view, model, len(class_ids), candidates)
        begun = time.perf_counter()
        chosen = _query(name, among, asked(plan, among), rng_of(staged.seed, staged.number, COMPARING))
        self._picked[name] = key
        known = {one: told for one, told in (self.store.get(PICKS) or {}).items() if one in CHOICES}
        self.store.set(PICKS, known | {name: {
            "round": staged.number, "model": self.chooser.fitter.version, "rows": chosen.tolist(),
            "candidates": len(candidates), "stands_in": self._stands_in(),
            "seconds": round(time.perf_counter() - begun, 3),
        }})  # fmt: skip
        return True

    def _staged(self, last: Round) -> Round | None:
        if last.staged or not last.number:
            return last if last.staged else None
        before = self.store.round(last.number - 1)
        return before if before.staged else None

    def _key(self, staged: Round | None, plan: Plan) -> tuple[object, ...]:
        number = None if staged is None else (staged.number, staged.ratio)
        return (number, self.chooser.fitter.version, plan.batch, plan.audited)

    def _stands_in(self) -> bool:
        record = self.chooser.fitter.record
        return record is not None and record.kind != "linear"

    def _stand_in(self) -> tuple[Classifier | None, tuple[int, ...]]:
        """Gives a model that answers from frozen embeddings, and the class of each of its outputs."""
        fitter = self.chooser.fitter
        if not self._stands_in():
            return fitter.model, fitter.class_ids
        if self._model is None or self._model[0] != fitter.version:
            class_ids = self.store.class_index()
            rows, ids = fitter.known.labels()
            labels = fitter.positions(ids, class_ids)
            rows, labels = rows[labels != UNLABELED], labels[labels != UNLABELED]
            model = models.create("linear", n_classes=len(class_ids), embedder=self.chooser.encoder)
            if len(np.unique(labels)) > 1:
                model.fit(self._inputs(rows), labels, seed=0)
            self._model = fitter.version, model if model.fitted else None, class_ids
        return self._model[1], self._model[2]

    def _logits(self, model: Classifier, rows: Rows) -> Floats:
        return ops.finite(model.infer(self._inputs(rows)).logits, "logits")

    def _inputs(self, rows: Rows) -> Inputs:
        chooser = self.chooser
        return Inputs(lambda: chooser.project.corpus.texts(rows), rows=rows, embed=chooser.encoder.embed)


def _query(name: str, view: PoolView, n: int, rng: Generator) -> Rows:
    if not n:
        return NO_ROWS
    made, parameters = CHOICES[name]
    strategy: Strategy = usable(strategies.create(made, **parameters), view)
    return strategy.query(view, n, rng).rows[:n]

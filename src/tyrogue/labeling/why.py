"""Why this one? The way of a text from the pool to the card, told from what is stored and from cached embeddings.

Asked only when somebody wants to know; costs as much as the round's candidates and the labels, never the pool.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from tyrogue.labeling.known import TRAINED_ON
from tyrogue.labeling.state import of_model
from tyrogue.labeling.vectors import Vectors
from tyrogue.pool import NO_ROWS, as_rows
from tyrogue.store import Item
from tyrogue.types import Floats, Rows, Stage

if TYPE_CHECKING:
    from tyrogue.labeling.engine import Engine

CLUSTER_TEXTS = 5
NEAREST = 5
SNIPPET = 280
ROUNDS_REMEMBERED = 4

Json = dict[str, Any]


class Why:
    """Explains items of one project.

    Args:
        engine: the project's.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine, self.project, self.store = engine, engine.project, engine.store
        self.vectors = Vectors(engine.project)
        self._cells = lru_cache(maxsize=ROUNDS_REMEMBERED)(self._cells_of)

    def of(self, id: int) -> Json:
        """Gives all that is known of why an item was chosen; of a blind one only that chance chose it.

        Raises:
            UsageError: there is no such item.
        """
        item = self.store.item(id)
        told: Json = {"id": item.id, "row": item.row, "kind": item.kind, "blind": item.blind}
        empty: Json = {
            "funnel": None,
            "cluster": None,
            "near": [],
            "near_count": 0,
            "probabilities": None,
            "nearest": None,
            "model": None,
        }
        if item.blind:
            return told | empty
        shown = self.engine.items([item])[0]
        stage = None if item.round is None else self.store.stage(item.round)
        near = as_rows(item.facts.get("near", []))
        return told | {
            "funnel": self._funnel(item, stage),
            "cluster": self._cluster(item, stage),
            "near": self.texts(near[:CLUSTER_TEXTS]),
            "near_count": len(near),
            "probabilities": shown["probabilities"],
            "nearest": self._nearest(item) if self.engine.plan.suggestions else None,
            "model": self._model(item),
        }

    def texts(self, rows: Rows, *, like: Floats | None = None) -> list[Json]:
        """Gives the beginnings of texts with their labels, in this order; without these while suggestions are hidden:
        the label of a neighbour leads like a suggestion does."""
        told: list[Json] = [
            {"row": one.row, "text": short(one.text), "text_pair": one.text_pair and short(one.text_pair)}
            for one in self.project.corpus.records(rows)
        ]
        if self.engine.plan.suggestions:
            labels = self.store.labels_of(rows.tolist())
            told = [one | {"class_id": labels.get(one["row"])} for one in told]
        if like is None:
            return told
        return [one | {"similarity": round(float(s), 4)} for one, s in zip(told, like, strict=True)]

    # Parts

    def _funnel(self, item: Item, stage: Stage | None) -> Json | None:
        if item.round is None:
            return None
        known, plan = self.store.round(item.round), self.engine.plan
        audited = ceil(known.size * plan.audit) if plan.audit else 0
        return {
            "pool": len(self.project.corpus),
            "drawn": item.facts.get("drawn"),
            "kept": None if stage is None else len(stage.rows),
            "asked": max(known.size - audited, 1),
            "strategy": known.strategy,
            "ratio": known.ratio,
            "rank_before": item.facts.get("rank_before"),
        }

    def _cluster(self, item: Item, stage: Stage | None) -> Json | None:
        """Five texts of its group, from the most typical one to the farthest."""
        size = item.facts.get("cluster_size")
        if not size or stage is None or item.round is None or item.row not in stage.rows:
            return None
        version = hash((stage.rows.tobytes(), stage.candidates.tobytes()))
        rows, cells, like = self._cells(item.round, version)
        mine = np.flatnonzero((cells == item.row) & (rows != item.row))
        mine = mine[np.argsort(-like[mine], kind="stable")]
        spread = np.unique(np.linspace(0, max(len(mine) - 1, 0), min(CLUSTER_TEXTS, len(mine))).astype(int))
        some = mine[spread]
        return {"size": int(size), "texts": self.texts(rows[some], like=like[some])}

    def _cells_of(self, round: int, version: int) -> tuple[Rows, Rows, Floats]:
        """Gives the embedded candidates of a round, whose representative each is nearest to, and how near."""
        stage = self.store.stage(round)
        if stage is None:
            return NO_ROWS, NO_ROWS, np.empty(0, np.float32)
        among, centers = self.vectors.of(stage.candidates), self.vectors.of(stage.rows)
        if not len(among.rows) or not len(centers.rows):
            return NO_ROWS, NO_ROWS, np.empty(0, np.float32)
        likeness = among.vectors @ centers.vectors.T
        best = likeness.argmax(axis=1)
        return among.rows, centers.rows[best], likeness[np.arange(len(best)), best]

    def _nearest(self, item: Item) -> list[Json]:
        """The labeled texts most like it; those of the reference sample tell nothing, here or anywhere."""
        rows, _ = self.store.labels(kinds=TRAINED_ON)
        mine, known = self.vectors.of(as_rows([item.row])), self.vectors.of(rows[rows != item.row])
        if not len(mine.rows) or not len(known.rows):
            return []
        like = known.vectors @ mine.vectors[0]
        best = np.argsort(-like, kind="stable")[:NEAREST]
        return self.texts(known.rows[best], like=like[best])

    def _model(self, item: Item) -> Json | None:
        found = next((m for m in self.store.models() if m.version == item.model_version), None)
        if found is None:
            return None
        newest = self.store.current_model()
        return of_model(found) | {"newest": None if newest is None else newest.version}


def short(text: str, length: int = SNIPPET) -> str:
    """Gives the beginning of a text."""
    return text if len(text) <= length else text[: length - 1] + "…"

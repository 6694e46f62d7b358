"""Previews of the dial, as page and trainer pass them through the store: one asks, the other answers when it can."""

from __future__ import annotations

import time
from typing import Any

from tyrogue.labeling.plan import Plan
from tyrogue.store import Store

WANTED_SECONDS = 600.0
"""For so long after a preview was asked for, its ratios are prepared again for each new model."""
WANTED, PREVIEWS = "previews_wanted", "previews"

Json = dict[str, Any]


def want(store: Store, ratios: list[int]) -> None:
    """Asks the trainer to prepare these ratios, for a while."""
    known = store.get(WANTED, {"ratios": [], "at": 0.0})
    if known["ratios"] != ratios or time.time() - known["at"] > WANTED_SECONDS / 10:
        store.set(WANTED, {"ratios": ratios, "at": time.time()})


def wanted_of(store: Store) -> list[int]:
    """Gives the ratios that somebody asked for lately."""
    known = store.get(WANTED, {"ratios": [], "at": 0.0})
    lately = abs(time.time() - known["at"]) <= WANTED_SECONDS
    return [int(ratio) for ratio in known["ratios"]] if lately else []


def publish(store: Store, batches: Json, *, round: int, batch: int, model: str | None) -> None:
    """Answers: what would be chosen for this round, of this size, by this model."""
    store.set(PREVIEWS, {"round": round, "batch": batch, "model": model, "batches": batches})


def previews(store: Store, plan: Plan, ratios: list[int]) -> dict[int, list[Json]] | None:
    """Gives what the trainer has prepared for these ratios; None unless it is all there and of today."""
    known: Json = store.get(PREVIEWS) or {}
    model, last = store.current_model(), store.last_round()
    now = (None if last is None else last.number, plan.batch, None if model is None else model.version)
    if (known.get("round"), known.get("batch"), known.get("model")) != now:
        return None
    batches = known["batches"]
    return {ratio: batches[str(ratio)] for ratio in ratios} if {*map(str, ratios)} <= batches.keys() else None

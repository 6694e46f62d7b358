"""What the open map asks of the trainer, passed through the store: one asks, the other answers when it can."""

from __future__ import annotations

import time
from typing import Any

from tyrogue.store import Store

WANTED_SECONDS = 600.0
"""For so long after it was asked for, an answer is kept up to date."""
WISHES, PICKS, OPINIONS = "map_wishes", "map_picks", "map_opinions"

CHOICES: dict[str, tuple[str, dict[str, Any]]] = {
    "tyrogue-1": ("tyrogue", {"ratio": 1}),
    "tyrogue-3": ("tyrogue", {"ratio": 3}),
    "tyrogue-10": ("tyrogue", {"ratio": 10}),
    "random": ("random", {}),
    "entropy": ("entropy", {}),
    "margin": ("margin", {}),
    "badge": ("badge", {}),
    "ftbertkm": ("ftbertkm", {}),
}
"""Strategies that can be compared on the map: name and parameters of each."""

Json = dict[str, Any]


def wish(store: Store, strategy: str | None = None) -> None:
    """Asks for an up-to-date map and, with a name, for what this strategy would choose."""
    now, known = time.time(), store.get(WISHES) or {"at": 0.0, "strategies": {}}
    asked: dict[str, float] = known["strategies"]
    stale = now - (known["at"] if strategy is None else asked.get(strategy, 0.0)) > WANTED_SECONDS / 10
    if stale:
        lately = {name: at for name, at in asked.items() if now - at <= WANTED_SECONDS}
        store.set(WISHES, {"at": now, "strategies": lately | ({} if strategy is None else {strategy: now})})


def wanted_lately(store: Store) -> bool:
    """Whether somebody looks at the map."""
    known = store.get(WISHES)
    return known is not None and abs(time.time() - known["at"]) <= WANTED_SECONDS


def strategies_wanted(store: Store) -> list[str]:
    """Gives the strategies that somebody asked about lately, the latest first."""
    known = store.get(WISHES) or {"strategies": {}}
    lately = [(at, name) for name, at in known["strategies"].items() if abs(time.time() - at) <= WANTED_SECONDS]
    return [name for _, name in sorted(lately, reverse=True)]

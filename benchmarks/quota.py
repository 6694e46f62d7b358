"""What simulated people have in common: how many labels are left to give, and how old the models are that chose."""

from __future__ import annotations

import threading
from typing import Any


class Quota:
    """How many labels are left to give, over all annotators."""

    def __init__(self, n: int) -> None:
        self.n, self.lock = n, threading.Lock()

    def take(self) -> bool:
        with self.lock:
            self.n -= 1
            return self.n >= 0


class Ages:
    """How much of the labels the models lacked that chose what people were shown.

    An item is stale when its model is older than one round: when, as the first text of the item's batch was taken, it
    lacked more than a batch of the labels given by then. In a loop where people wait for training it lacks none of
    them, and at the end of the batch all of the batch's own; `lacked` counts these too.
    """

    def __init__(self, batch: int) -> None:
        self.batch, self.given, self.stale, self.lacked = batch, 0, 0, list[int]()
        self._begun: dict[Any, int] = {}
        self._lock = threading.Lock()

    def shown(self, item: dict[str, Any]) -> None:
        """Notes an item as the API gives it."""
        with self._lock:
            begun, model = self._begun.setdefault(item["round"], self.given), item["model"]
            if model is not None:
                self.stale += begun - model["labels"] > self.batch
                self.lacked.append(self.given - model["labels"])

    def labeled(self) -> None:
        """Notes a label."""
        with self._lock:
            self.given += 1

    def figures(self) -> dict[str, float]:
        """Gives the share of stale items, and the mean number of labels lacked."""
        n = max(len(self.lacked), 1)
        return {"stale_share": round(self.stale / n, 4), "lacked_mean": round(sum(self.lacked) / n, 1)}

"""How many labels simulated people still have to give."""

from __future__ import annotations

import threading


class Quota:
    """How many labels are left to give, over all annotators."""

    def __init__(self, n: int) -> None:
        self.n, self.lock = n, threading.Lock()

    def take(self) -> bool:
        with self.lock:
            self.n -= 1
            return self.n >= 0

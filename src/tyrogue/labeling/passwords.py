"""Passwords, and how often one may guess."""

from __future__ import annotations

import threading
import time
from collections import deque

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

SHORTEST = 10
LONGEST = 200
AT_ONCE = 2
"""Hashes computed at the same time: each takes 64 MiB and a core."""

_HASHER = PasswordHasher()
_TURN = threading.BoundedSemaphore(AT_ONCE)
_NOBODYS = _HASHER.hash("a password that nobody has")


def hashed(password: str) -> str:
    """Gives what is stored of a password (Argon2id)."""
    with _TURN:
        return _HASHER.hash(password)


def fits(password: str, stored: str | None) -> bool:
    """Whether this is the password; for somebody who has none it takes as long to say no."""
    with _TURN:
        try:
            return _HASHER.verify(stored or _NOBODYS, password) and stored is not None
        except (VerifyMismatchError, InvalidHashError):
            return False


class Guesses:
    """Counts failures, so that nobody guesses for long.

    Args:
        most: failures within `seconds` after which one has to wait.
        seconds: how long a failure counts.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._failures: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def wait(self, who: str) -> float:
        """Gives the seconds until this one may try again; 0 when now."""
        with self._lock:
            known = self._recent(who)
            return 0.0 if len(known) < self.most else self.seconds - (time.monotonic() - known[0])

    def failed(self, who: str) -> None:
        """Notes a failure."""
        with self._lock:
            if len(self._failures) > 10_000:  # somebody invents names: only the latest count
                self._failures.clear()
            self._recent(who).append(time.monotonic())

    def _recent(self, who: str) -> deque[float]:
        known = self._failures.setdefault(who, deque(maxlen=self.most))
        while known and time.monotonic() - known[0] > self.seconds:
            known.popleft()
        return known

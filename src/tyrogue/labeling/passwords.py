"""Passwords, and how often one may guess."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

SHORTEST = 10
LONGEST = 200
AT_ONCE = 2
"""Hashes computed at the same time: each takes 64 MiB and a core."""
MOST_COUNTED = 10_000
"""Names and addresses whose attempts are remembered."""

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
    """Counts attempts, so that nobody guesses for long.

    Args:
        most: attempts within `seconds` after which one has to wait.
        seconds: how long an attempt counts.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._attempts: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def reserve(self, who: str) -> float:
        """Counts an attempt before it is looked at, so that a hundred at once are no more than one after the other;
        gives 0, or the seconds until this one may try again, and then counts nothing."""
        with self._lock:
            pause = self._pause(who)
            if not pause:
                self._count(who)
            return pause

    def give_back(self, who: str) -> None:
        """Takes an attempt back: it was right, or never came to be looked at."""
        with self._lock:
            if known := self._recent(who):
                known.pop()

    def wait(self, who: str) -> float:
        """Gives the seconds until this one may try again; 0 when now."""
        with self._lock:
            return self._pause(who)

    def failed(self, who: str) -> None:
        """Notes a failure for which no attempt was reserved."""
        with self._lock:
            self._count(who)

    def _pause(self, who: str) -> float:
        known = self._recent(who)
        if len(known) < self.most:
            return 0.0
        self._attempts.move_to_end(who)  # who goes on trying is not forgotten
        return self.seconds - (time.monotonic() - known[0])

    def _count(self, who: str) -> None:
        known = self._attempts[who] = self._recent(who)
        known.append(time.monotonic())
        self._attempts.move_to_end(who)
        if len(self._attempts) > MOST_COUNTED:  # somebody invents names: who has been quiet longest is forgotten
            self._attempts.popitem(last=False)

    def _recent(self, who: str) -> deque[float]:
        known = self._attempts.get(who, deque(maxlen=self.most))
        while known and time.monotonic() - known[0] >= self.seconds:
            known.popleft()
        return known

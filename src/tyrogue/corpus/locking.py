"""One owner at a time: a lock that dies with its process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tyrogue.errors import ProjectInUse


class Lock:
    """A lock that is held; `announce` tells whoever comes second where the owner runs."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.announce(None)

    def announce(self, url: str | None) -> None:
        """Writes our process id and, once it is known, the address we serve at."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), "url": url}, self._file)
        self._file.flush()


@contextmanager
def locked(path: Path, what: str) -> Iterator[Lock]:
    """Holds the lock file `path` while the block runs.

    The operating system lets go of it when the process ends, however it ends, so there are no stale locks.

    Raises:
        ProjectInUse: another process holds it; `what` says of what.
    """
    with path.open("a+", encoding="utf-8") as file:
        try:
            _take(file)
        except OSError as error:
            raise _in_use(path, what) from error
        try:
            yield Lock(file)
        finally:
            file.seek(0)
            file.truncate()
            _release(file)


def _in_use(path: Path, what: str) -> ProjectInUse:
    owner: dict[str, object] = {}
    with suppress(OSError, ValueError):
        owner = json.loads(path.read_text(encoding="utf-8"))
    pid, url = owner.get("pid"), owner.get("url")
    where = f"Open {url}" if url else "Wait for it to end"
    return ProjectInUse(
        f"{what} is in use by process {pid or 'unknown'}. {where}, or end that process first.",
        pid=pid if isinstance(pid, int) else None,
        url=url if isinstance(url, str) else None,
    )


if sys.platform == "win32":
    import msvcrt

    # Windows locks bytes and forbids reading them: lock one far behind the text.
    def _take(file: IO[str]) -> None:
        file.seek(1 << 20)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _release(file: IO[str]) -> None:
        file.seek(1 << 20)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

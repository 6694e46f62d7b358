"""The trainer: a process of its own that embeds, clusters, trains and ranks.

It and the web process meet only in the store and in the project directory, so either may die at any moment.

    python -m tyrogue.labeling.trainer PROJECT
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from tyrogue.corpus.project import Project
from tyrogue.errors import TyrogueError
from tyrogue.store import Store

if TYPE_CHECKING:
    from tyrogue.labeling.pipeline import Pipeline

POLL_SECONDS = 0.1
BEAT_SECONDS = 1.0
PATIENCE = (1.0, 5.0, 20.0, 60.0)
"""Pauses after the first, second, ... failure in a row."""


class Heart:
    """Tells the store what the trainer does: once a second, and at once when the phase changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._status: dict[str, str | float | None] = {"phase": "starting", "message": "", "progress": None}
        self.error: str | None = None
        threading.Thread(target=self._beat, daemon=True).start()

    def say(self, phase: str, message: str = "", progress: float | None = None) -> None:
        changed = phase != self._status["phase"] or message != self._status["message"]
        self._status = {"phase": phase, "message": message, "progress": progress}
        if changed:
            self._tell()

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            with contextlib.suppress(TyrogueError, OSError):  # a full disk: said when there is room again
                self._tell()

    def _tell(self) -> None:
        self._store.report("trainer", self._status | {"pid": os.getpid(), "error": self.error})


def run(path: Path) -> None:
    """Works until it is told to stop or its parent is gone."""
    stopping = _until_told()
    parent = os.getppid()
    threading.Thread(target=_outlive_nobody, args=(parent,), daemon=True).start()
    import tyrogue.labeling.offline  # noqa: F401  (seconds of imports, while the corpus is still being read)

    while not (path / "ready").exists() and not stopping and os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    if stopping or os.getppid() != parent:
        return
    project = Project.open(path)
    with _only_one(path), Store.open(project.store_url, project.key) as store:
        heart = Heart(store)
        _loop(project, store, heart, lambda: not stopping and os.getppid() == parent)
        heart.say("stopped")


def _loop(project: Project, store: Store, heart: Heart, goes_on: Callable[[], bool]) -> None:
    pipeline: Pipeline | None = None
    failures, looked = 0, False
    while goes_on():
        try:
            if pipeline is None:
                heart.say("starting", "Loading the encoder")
                from tyrogue.labeling.offline import open_pipeline

                pipeline = open_pipeline(project, store, say=heart.say)
                looked = False
            worked = pipeline.step()
            if not looked and not worked:
                from tyrogue.labeling.survey import survey

                looked = survey(project, store, pipeline.encoder.encoder) is not None
            failures, heart.error = (0, None) if worked else (failures, heart.error)
            time.sleep(0 if worked else POLL_SECONDS)
        except (TyrogueError, OSError, RuntimeError, MemoryError, ValueError) as error:
            # Labeling goes on from what is queued; the page says what happened and the trainer tries again.
            traceback.print_exc()
            heart.error = f"{type(error).__name__}: {error}"[:500]
            heart.say("waiting", "Something failed; trying again soon")
            _pause(PATIENCE[min(failures, len(PATIENCE) - 1)], goes_on)
            failures += 1
    if pipeline is not None:
        pipeline.fitter.close()


def _pause(seconds: float, goes_on: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while goes_on() and time.monotonic() < until:
        time.sleep(POLL_SECONDS)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Waits until no other trainer works on the project: one whose parent was killed needs a moment to notice."""
    with (path / "trainer.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _outlive_nobody(parent: int) -> None:
    """Ends the process when its parent is gone, whatever it is doing: what matters is in the store."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _until_told() -> list[int]:
    """Gives a list that is empty until the process is told to stop."""
    told: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    signal.signal(signal.SIGTERM, note)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    return told


if __name__ == "__main__":
    run(Path(sys.argv[1]))
    os._exit(0)  # a fit that is under way is not waited for: it is repeated after the next start

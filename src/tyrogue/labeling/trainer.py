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
from tyrogue.store import Store

if TYPE_CHECKING:
    from tyrogue.labeling.pipeline import Pipeline

POLL_SECONDS = 0.1
BEHIND = 10
"""Niceness: where both want the same core, people who label come before the training."""
BEAT_SECONDS = 1.0
PATIENCE = (1.0, 3.0, 10.0)
"""Pauses after the first, second, ... failure in a row."""
SHOWN_SECONDS = 10.0
"""What happened stays on the page for so long at least, also when it was mended at once."""


class Heart:
    """Tells the store what the trainer does: once a second, and at once when the phase changes.

    Telling never fails: what cannot be told now (a full disk, a database that somebody holds) is told later. An error
    that the process before left behind is told on.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._status: dict[str, str | float | None] = {"phase": "starting", "message": "", "progress": None}
        self._failed: str | None = None
        self._failed_at = time.monotonic()
        self._stopped = threading.Event()
        self.training: Callable[[], str | None] = lambda: None
        """Gives why the last training failed."""
        with contextlib.suppress(Exception):
            before = store.status("trainer")
            self._failed = None if before is None or before[0].get("phase") == "stopped" else before[0].get("error")
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def say(self, phase: str, message: str = "", progress: float | None = None) -> None:
        """Says what is done now."""
        changed = phase != self._status["phase"] or message != self._status["message"]
        self._status = {"phase": phase, "message": message, "progress": progress}
        if changed:
            self._tell()

    def failed(self, error: Exception) -> None:
        """Says what went wrong."""
        self._failed, self._failed_at = f"{type(error).__name__}: {error}"[:500], time.monotonic()
        self.say("waiting", "Something failed; trying again soon")
        self._tell()

    def works(self) -> None:
        """Takes back what went wrong, once it could be read."""
        if self._failed is not None and time.monotonic() - self._failed_at > SHOWN_SECONDS:
            self._failed = None

    def stop(self) -> None:
        """Ends the beat; the last thing said stays."""
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            self._tell()

    def _tell(self) -> None:
        with contextlib.suppress(Exception):
            error = self._failed or self.training()
            self._store.report("trainer", self._status | {"pid": os.getpid(), "error": error})


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
        work(project, store, heart, lambda: not stopping and os.getppid() == parent)
        heart.say("stopped")
        heart.stop()


def work(project: Project, store: Store, heart: Heart, goes_on: Callable[[], bool]) -> None:
    """Keeps the queue filled and the model young, whatever happens, until it shall not go on."""
    pipeline: Pipeline | None = None
    failures, looked = 0, False
    while goes_on():
        try:
            if pipeline is None:
                heart.say("starting", "Loading the encoder")
                pipeline, looked = _open(project, store, heart), False
            worked = pipeline.step()
            if not looked and not worked:
                from tyrogue.labeling.survey import survey

                looked = survey(project, store, pipeline.encoder.encoder) is not None
            failures = 0
            heart.works()
            time.sleep(0 if worked else POLL_SECONDS)
        except Exception as error:
            # Labeling goes on from what is queued; the page says what happened and the trainer tries again.
            traceback.print_exc()
            heart.failed(error)
            _pause(PATIENCE[min(failures, len(PATIENCE) - 1)], goes_on)
            failures += 1
    if pipeline is not None:
        pipeline.close()


def _open(project: Project, store: Store, heart: Heart) -> Pipeline:
    from tyrogue.labeling.offline import open_pipeline

    pipeline = open_pipeline(project, store, say=heart.say, maps=True)
    heart.training = lambda: pipeline.fitter.error
    return pipeline


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
    if hasattr(os, "nice"):
        os.nice(BEHIND)
    run(Path(sys.argv[1]))
    os._exit(0)  # a fit that is under way is not waited for: it is repeated after the next start

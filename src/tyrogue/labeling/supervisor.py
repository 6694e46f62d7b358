"""Starts the trainer process and starts it again when it dies."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tyrogue.store import Store

COMMAND = (sys.executable, "-m", "tyrogue.labeling.trainer")
RESTART_SECONDS = (0.5, 2.0, 10.0, 30.0)


ENVIRONMENT = {
    "PYTHONUNBUFFERED": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # glibc keeps a heap for every thread, eight a core, and gives little of them back.
    "MALLOC_ARENA_MAX": "2",
}
"""Of the trainer's process."""


class Supervisor:
    """Keeps one trainer process alive for a project.

    Its output goes to logs/trainer.log in the project directory.

    Args:
        project: the project directory.
        command: what to run; the directory is its last argument.

    Attributes:
        on_death: told why, each time that the trainer has ended by itself.
    """

    def __init__(self, project: Path, command: Sequence[str] = COMMAND) -> None:
        self.project, self.command = project, command
        self.on_death: Callable[[str], None] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        self._start_process()
        self._thread.start()

    def tell(self, store: Store) -> None:
        """Lets the page say what became of the trainer."""
        self.on_death = lambda why: store.report(
            "trainer", {"phase": "starting", "message": "The trainer starts again", "progress": None, "error": why}
        )

    def stop(self, patience: float = 3.0) -> None:
        """Ends the trainer; a fit that is under way is repeated after the next start."""
        self._stopping.set()
        process = self.process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start_process(self) -> None:
        logs = self.project / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / "trainer.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, str(self.project)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | ENVIRONMENT,
            )

    def _tell(self, code: int) -> None:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        if self.on_death is not None:
            with contextlib.suppress(Exception):  # telling must not keep it from being started again
                self.on_death(
                    f"The trainer {how}; it is started again. {self.project / 'logs' / 'trainer.log'} says more."
                )

    def _watch(self) -> None:
        failures, started = 0, time.monotonic()
        while not self._stopping.wait(0.2):
            if self.process is None or self.process.poll() is None:
                continue
            failures = failures + 1 if time.monotonic() - started < 60 else 0
            self._tell(self.process.returncode)
            if self._stopping.wait(RESTART_SECONDS[min(failures, len(RESTART_SECONDS) - 1)]):
                return
            self._start_process()
            started = time.monotonic()

"""How a grid's progress is shown: a bar with the time left on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tyrogue.cli.say import console, remark

LINE_EVERY = 30.0
"""Seconds, when stderr is no terminal."""


class Watch:
    """Shows runs and rounds done, and the time left as rounds so far foretell it."""

    def __init__(self, bar: Progress) -> None:
        self._bar, self._task = bar, bar.add_task("", total=None, left="")
        self._runs = self._rounds = self._runs_done = self._rounds_done = 0
        self._began = self._told = time.monotonic()

    def planned(self, runs: int, rounds: int, finished: int) -> None:
        self._runs, self._rounds = runs, rounds
        remark(f"{runs} runs to do, {rounds} rounds; {finished} are finished already.")

    def embedding(self, dataset: str, done: int, total: int) -> None:
        self._bar.update(self._task, description=f"embedding {dataset}", completed=done, total=total, left="")
        self._line(f"embedding {dataset}: {done:,} of {total:,}")
        self._began = time.monotonic()  # rounds begin when the embeddings are there

    def round(self) -> None:
        self._rounds_done += 1
        self._show()

    def run(self, key: str, error: str | None) -> None:
        self._runs_done += 1
        if error is not None:
            remark(f"failed: {key}")
        self._show()

    def _show(self) -> None:
        left = f"{clock(self._seconds_left())} left" if self._rounds_done else ""
        what = f"run {self._runs_done} of {self._runs}"
        self._bar.update(self._task, description=what, completed=self._rounds_done, total=self._rounds, left=left)
        self._line(f"{what}, round {self._rounds_done} of {self._rounds}, {left}")

    def _seconds_left(self) -> float:
        each = (time.monotonic() - self._began) / max(1, self._rounds_done)
        return each * max(0, self._rounds - self._rounds_done)

    def _line(self, text: str) -> None:
        if self._bar.disable and time.monotonic() - self._told > LINE_EVERY:
            self._told = time.monotonic()
            remark(text)


def clock(seconds: float) -> str:
    """Gives "1:02:03"."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


@contextmanager
def watching() -> Iterator[Watch]:
    """Gives a watcher for `bench`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        yield Watch(bar)

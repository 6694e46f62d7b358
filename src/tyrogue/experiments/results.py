"""One append-only file for each run: the configuration, a line for each round, and "done" at the end.

A line counts once its newline is on disk. What a crash leaves behind, a torn last line, is cut off when the
run goes on.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tyrogue.errors import BadInput
from tyrogue.experiments import plugins
from tyrogue.experiments.simulate import Round
from tyrogue.strategies import STRATEGIES

FORMAT = 1


@dataclass(frozen=True)
class Record:
    """What a result file holds."""

    config: dict[str, Any]
    rounds: tuple[Round, ...]
    done: dict[str, Any] | None
    """The last line of a finished run: total seconds, and what a run measures only once."""
    path: Path

    def curve(self, score: str = "macro_f1") -> tuple[list[int], list[float]]:
        """Gives numbers of labels and the scores reached with them."""
        return [r.labeled for r in self.rounds], [float(getattr(r, score)) for r in self.rounds]


def complete_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Gives the lines that were written whole, and how many bytes they take."""
    lines: list[dict[str, Any]] = []
    size = 0
    for raw in path.read_bytes().splitlines(keepends=True):
        if not raw.endswith(b"\n"):
            break
        try:
            lines.append(json.loads(raw))
        except json.JSONDecodeError as error:
            raise BadInput(
                f"is not JSON: {error}.", source=path, line=len(lines) + 1, remedy="Delete the file to run it again."
            ) from error
        size += len(raw)
    return lines, size


def read(path: Path) -> Record | None:
    """Gives what a result file holds; None when not even its configuration was written.

    Raises:
        BadInput: a whole line is not what it should be, or the file is of a newer version.
    """
    lines, _ = complete_lines(path)
    return _record(path, lines) if lines else None


def read_all(folder: Path) -> list[Record]:
    """Gives all records of a folder, in the order of their names.

    Raises:
        BadInput: there is no such folder, or a file in it is damaged.
    """
    if not folder.is_dir():
        raise BadInput("is not a folder of results.", source=folder, remedy="Write one with: tyrogue bench.")
    return [record for path in sorted(folder.glob("*.jsonl")) if (record := read(path)) is not None]


def _record(path: Path, lines: list[dict[str, Any]]) -> Record:
    config = _completed(lines[0])
    if config.get("format", 0) > FORMAT:
        raise BadInput(
            "was written by a newer version of tyrogue.", source=path, remedy="Upgrade: pip install -U tyrogue."
        )
    last = lines[-1] if "done" in lines[-1] else None
    try:
        rounds = tuple(Round.parse(line) for line in lines[1:] if "round" in line)
    except (TypeError, KeyError) as error:
        raise BadInput(
            f"holds a line that is no round: {error}.", source=path, remedy="Delete it to run again."
        ) from error
    return Record(config, rounds, last, path)


def _completed(config: dict[str, Any]) -> dict[str, Any]:
    """Gives a configuration with the parameters that its strategy has got since, at their defaults.

    Else a run from before would be told apart from the same run today.
    """
    strategy = config.get("strategy", {})
    if strategy.get("name") not in STRATEGIES:
        return config
    parameters = {**plugins.fields_of(STRATEGIES[strategy["name"]]()), **strategy.get("parameters", {})}
    return {**config, "strategy": {**strategy, "parameters": parameters}}


class Busy(Exception):
    """Another process is writing this run."""


class Writer:
    """Appends to a result file; every line is on disk when `append` returns."""

    def __init__(self, file: IO[bytes], record: Record | None) -> None:
        self._file = file
        self.record = record
        """What was there before."""

    def append(self, line: dict[str, Any]) -> None:
        """Writes one line."""
        text = json.dumps(line, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        self._file.write(text.encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Opens a result file for going on where it ends, for one process at a time; a torn last line is cut off.

    Raises:
        Busy: another process has it open.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(path) from error
        lines, size = complete_lines(path)
        file.truncate(size)
        yield Writer(file, _record(path, lines) if lines else None)

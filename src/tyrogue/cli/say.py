"""How the command line talks: progress and remarks on stderr, never on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def remark(text: str) -> None:
    """Says something on stderr."""
    console.print(text)


def complain(text: str) -> None:
    """Says on stderr what went wrong."""
    console.print(f"tyrogue: {text}")


def give_json(value: Any) -> None:
    """Prints one JSON value on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False))


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Shows a bar on stderr (on a terminal only); the function takes what is done and the total, if known."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

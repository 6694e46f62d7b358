"""How the command line talks: progress and remarks on stderr, never on stdout."""

from __future__ import annotations

import io
import json
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import IO, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from tyrogue.corpus.durable import replacing

console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def shown(text: str) -> str:
    """Gives text as a terminal may show it: what would move the cursor, colour or reverse is written as \\x1b."""
    return "".join(c if c in "\n\t" or not _moves(c) else c.encode("unicode_escape").decode() for c in text)


def _moves(character: str) -> bool:
    # Control characters, half surrogates, and the marks that turn the direction of what follows.
    return (
        unicodedata.category(character) in ("Cc", "Cs")
        or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )


def remark(text: str) -> None:
    """Says something on stderr."""
    console.print(shown(text))


def complain(text: str) -> None:
    """Says on stderr what went wrong."""
    console.print(f"tyrogue: {shown(text)}")


def give_json(value: Any) -> None:
    """Prints one JSON value on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False))


@contextmanager
def output_file(path: Path | None) -> Iterator[IO[str]]:
    """Gives stdout, or a file that takes its name only when all of it was written."""
    if path is None:
        yield sys.stdout
        return
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, float], None]]:
    """Shows a bar on stderr (on a terminal only); the function takes the rows read and the share of the whole."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=1.0, rows=0)

        def show(rows: int, share: float) -> None:
            bar.update(task, rows=rows, completed=share if isfinite(share) else None)

        yield show

"""What every reader of a file format gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from tyrogue.errors import BadInput

Line = tuple[int, dict[str, Any]]
"""The 1-based line (row of a table, number of a file) and its values by column."""


class Source(Protocol):
    """An input that was opened: its columns are known, its rows are not read yet."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def class_names(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the classes that integers in a column stand for, where the source declares them."""
        ...

    @property
    def warnings(self) -> list[str]:
        """What the user should know: files left out, encodings guessed."""
        ...

    def lines(self) -> Iterator[Line]:
        """Gives the rows from the first, streaming; each call starts afresh."""
        ...

    def share(self) -> float:
        """Gives the share of the source that was read by now, 0 to 1; NaN when its size is unknown."""
        ...


def unreadable(path: Path, error: OSError) -> BadInput:
    """Gives the error for a file that the system does not let us read."""
    if isinstance(error, PermissionError):
        return BadInput("no permission to read it.", source=path, remedy=f"Allow it: chmod u+r {path}")
    return BadInput(f"cannot be read ({error.strerror or error}).", source=path)

"""Strategies by name, and one's own by `package.module:Class`, found in the current folder too."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from tyrogue import strategies
from tyrogue.protocols import Strategy


def strategy(name: str, parameters: Mapping[str, Any] | None = None) -> Strategy:
    """Gives the strategy of this name.

    Raises:
        UnknownName: no such strategy, or no such parameter of it.
        UsageError: nothing can be imported there, or it is no strategy.
    """
    here = str(Path.cwd())
    if ":" in name and here not in sys.path:  # a console script does not see the folder it is called in
        sys.path.append(here)
    return strategies.create(name, **(parameters or {}))


def source_of(name: str) -> str:
    """Gives a hash of the file that a strategy of one's own is in; "" for one of the table."""
    if ":" not in name:
        return ""
    module = sys.modules.get(name.partition(":")[0])
    file = Path(getattr(module, "__file__", None) or "")
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.is_file() else ""


def fields_of(made: Strategy) -> dict[str, Any]:
    """Gives a strategy's hyperparameters, those left at their defaults too, for the record."""
    return asdict(made) if is_dataclass(made) and not isinstance(made, type) else {}

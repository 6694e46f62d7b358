"""The error tree. A message says what was seen and what to do about it.

TyrogueError
├── UsageError            the caller asked for something that cannot be (exit code 2, HTTP 4xx)
│   ├── BadInput          a file, a row or a label is not what it should be; names file and line
│   ├── UnknownName       no strategy, model, recipe, dataset of this name; lists those there are
│   └── MissingExtra      an optional dependency is not installed; names the extra
├── ProjectError          a project directory or its database cannot be used as asked
│   ├── NewerProject      written by a newer version of tyrogue
│   ├── ProjectInUse      another process owns it
│   └── Conflict          what is asked contradicts what is stored (HTTP 409)
├── PoolExhausted         no open row is left to ask about
├── NotFitted             a prediction was asked of a model that has seen no labels
├── NonFinite             a model gave NaN or infinity
├── FitStopped            training was asked to stop before its end; the model is as it was
├── MissingHead           the checkpoint has no head of the kind that is needed (masked LM)
└── CorruptModel          a model file is missing, cut or altered
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TyrogueError(Exception):
    """Root of all errors that tyrogue raises on purpose."""


class UsageError(TyrogueError, ValueError):
    """The caller asked for something that cannot be."""


class BadInput(UsageError):
    """A file, a row or a label is not what it should be.

    Args:
        message: what was seen.
        source: the file it was seen in.
        line: its 1-based line there (the row for Parquet).
        remedy: what to do.
    """

    def __init__(self, message: str, *, source: object = None, line: int | None = None, remedy: str = "") -> None:
        where = "" if source is None else f"{source}: " if line is None else f"{source}, line {line}: "
        super().__init__(where + message + (f" {remedy}" if remedy else ""))
        self.message, self.source, self.line, self.remedy = message, source, line, remedy


class UnknownName(UsageError):
    """No such name in a table; the message lists those there are and the nearest one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"There is no {kind} named {name!r}.{hint} Known: {', '.join(names)}.")


class MissingExtra(UsageError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package!r}. Install it: pip install 'tyrogue[{extra}]'")


class ProjectError(TyrogueError):
    """A project directory or its database cannot be used as asked."""


class NewerProject(ProjectError):
    """The project was written by a newer version of tyrogue."""


class ProjectInUse(ProjectError):
    """Another process owns the project."""


class Conflict(ProjectError):
    """What is asked contradicts what is stored."""


class PoolExhausted(TyrogueError):
    """No open row is left to ask about."""


class NotFitted(TyrogueError):
    """A prediction was asked of a model that has seen no labels."""


class NonFinite(TyrogueError, ArithmeticError):
    """A model gave NaN or infinity."""


class FitStopped(TyrogueError):
    """Training was asked to stop before its end; the model is as it was."""


class MissingHead(TyrogueError):
    """The checkpoint has no head of the kind that is needed."""


class CorruptModel(TyrogueError):
    """A model file is missing, cut or altered."""

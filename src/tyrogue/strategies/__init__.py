"""Acquisition functions: one short file each, all through the same `View`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from importlib import import_module
from inspect import getdoc
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from tyrogue.errors import UnknownName, UsageError
from tyrogue.protocols import Strategy
from tyrogue.strategies.alps import Alps
from tyrogue.strategies.badge import Badge
from tyrogue.strategies.bald import Bald
from tyrogue.strategies.bertkm import BertKM
from tyrogue.strategies.cal import Cal
from tyrogue.strategies.cluster_margin import ClusterMargin
from tyrogue.strategies.coreset import CoreSet
from tyrogue.strategies.dal import Dal
from tyrogue.strategies.dropquery import DropQuery
from tyrogue.strategies.entropy import Entropy
from tyrogue.strategies.ftbertkm import FTbertKM
from tyrogue.strategies.least_confidence import LeastConfidence
from tyrogue.strategies.margin import Margin
from tyrogue.strategies.maxherding import MaxHerding
from tyrogue.strategies.probcover import ProbCover
from tyrogue.strategies.random import Random
from tyrogue.strategies.swapped import Swapped
from tyrogue.strategies.typiclust import TypiClust
from tyrogue.strategies.tyrogue import Tyrogue
from tyrogue.strategies.uherding import UHerding

STRATEGIES: dict[str, Callable[..., Strategy]] = {
    "alps": Alps,
    "badge": Badge,
    "bald": Bald,
    "bertkm": BertKM,
    "cal": Cal,
    "cluster_margin": ClusterMargin,
    "coreset": CoreSet,
    "dal": Dal,
    "dropquery": DropQuery,
    "entropy": Entropy,
    "ftbertkm": FTbertKM,
    "least_confidence": LeastConfidence,
    "margin": Margin,
    "maxherding": MaxHerding,
    "probcover": ProbCover,
    "random": Random,
    "swapped": Swapped,
    "typiclust": TypiClust,
    "tyrogue": Tyrogue,
    "uherding": UHerding,
}
"""By the name that the command line and the results use."""


@dataclass(frozen=True)
class Parameter:
    """A hyperparameter as a user writes it: `--set ratio=5`."""

    name: str
    type: str
    default: Any
    description: str


@dataclass(frozen=True)
class Description:
    """What there is to know before choosing a strategy."""

    name: str
    paper: str
    cold_start: bool
    whole_pool: bool
    parameters: tuple[Parameter, ...]
    summary: str


def describe(table: Mapping[str, Callable[..., Strategy]] = STRATEGIES) -> list[Description]:
    """Gives what there is to know of each strategy, by name."""
    return [_describe(name, table[name]) for name in sorted(table)]


def create(name: str, **parameters: Any) -> Strategy:
    """Gives the strategy of this name, or of `package.module:Class`.

    Args:
        parameters: its fields; strings are read by the field's type ("3", "true", "auto").

    Raises:
        UnknownName: there is no such strategy, or no such field of it.
        UsageError: a value does not fit its field, or the class cannot be imported.
    """
    made = _imported(name) if ":" in name else STRATEGIES.get(name)
    if made is None:
        raise UnknownName("strategy", name, STRATEGIES)
    known = _fields(made)
    for key in parameters:
        if key not in known:
            raise UnknownName(f"parameter of {name}", key, known)
    hints = get_type_hints(made)
    return made(**{key: _read(key, value, hints[key]) for key, value in parameters.items()})


def _imported(name: str) -> Callable[..., Strategy]:
    module, _, attribute = name.partition(":")
    try:
        made = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"{name!r} cannot be imported ({error}). Write it as package.module:Class.") from error
    if not all(hasattr(made, part) for part in ("query", "cold_start", "whole_pool")):
        raise UsageError(f"{name!r} is no strategy: it needs `query`, `cold_start` and `whole_pool`.")
    return made  # type: ignore[no-any-return]


def _fields(made: Callable[..., Strategy]) -> dict[str, Field[Any]]:
    return {field.name: field for field in fields(made) if field.init} if is_dataclass(made) else {}


def _describe(name: str, made: Any) -> Description:
    text = getdoc(made) or ""
    hints, told = get_type_hints(made), _attributes(text)
    parameters = tuple(
        Parameter(key, _spelled(hints[key]), None if field.default is MISSING else field.default, told.get(key, ""))
        for key, field in _fields(made).items()
    )
    summary = " ".join(text.split("\n\n")[0].split())
    return Description(name, getattr(made, "citation", ""), made.cold_start, made.whole_pool, parameters, summary)


def _attributes(text: str) -> dict[str, str]:
    """Gives the entries of a docstring's "Attributes:" part by name, each as one line."""
    part = re.search(r"^Attributes:\n((?:[ ]+.*\n?|\n)*)", text, re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", part[1], re.MULTILINE) if part else []
    return {key: " ".join(value.split()) for key, value in entries}


def _choices(hint: Any) -> list[Any]:
    """Gives the types and constants that a hint allows: float | Literal["auto"] -> [float, "auto"]."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    if get_origin(hint) is Union or isinstance(hint, type(int | str)):
        return [choice for part in get_args(hint) for choice in _choices(part)]
    return [hint]


def _spelled(hint: Any) -> str:
    return " or ".join(choice.__name__ if isinstance(choice, type) else str(choice) for choice in _choices(hint))


def _read(key: str, value: Any, hint: Any) -> Any:
    if not isinstance(value, str):
        return value
    for choice in _choices(hint):
        if not isinstance(choice, type):
            if value == choice:
                return value
        elif choice is bool:
            if value.lower() in ("true", "yes", "1", "false", "no", "0"):
                return value.lower() in ("true", "yes", "1")
        else:
            try:
                return choice(value)
            except ValueError:
                continue
    raise UsageError(f"{key}={value!r} does not fit: {key} is {_spelled(hint)}.")


__all__ = [
    "STRATEGIES",
    "Alps",
    "Badge",
    "Bald",
    "BertKM",
    "Cal",
    "ClusterMargin",
    "CoreSet",
    "Dal",
    "Description",
    "DropQuery",
    "Entropy",
    "FTbertKM",
    "LeastConfidence",
    "Margin",
    "MaxHerding",
    "Parameter",
    "ProbCover",
    "Random",
    "Swapped",
    "TypiClust",
    "Tyrogue",
    "UHerding",
    "create",
    "describe",
]

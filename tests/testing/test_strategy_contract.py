"""The contract suite on everything in the table, and on strategies with a planted mistake, which it must catch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.random import Generator

from tyrogue import ops
from tyrogue.errors import NonFinite, NotFitted
from tyrogue.protocols import Strategy, View
from tyrogue.strategies import STRATEGIES, Badge, Bald, Entropy, FTbertKM, Swapped, Tyrogue
from tyrogue.testing.strategies import CHECKS, check_other_process, check_other_process_of, check_strategy
from tyrogue.types import Selection

VARIANTS: dict[str, Callable[[], Strategy]] = {
    **STRATEGIES,
    "bald full": lambda: Bald(full=True),
    "badge normalized": lambda: Badge(normalized=True),
    "entropy raw": lambda: Entropy(raw_logits=True),
    "ftbertkm random start": lambda: FTbertKM(random_start=True),
    "swapped entropy": lambda: Swapped(ratio=2, by="entropy"),
    "tyrogue conditional": lambda: Tyrogue(conditional=True),
    "tyrogue drawn": lambda: Tyrogue(representative="drawn"),
    "tyrogue paper": Tyrogue.paper,
    "tyrogue small draw": lambda: Tyrogue(candidates=10),
    "tyrogue r=1": lambda: Tyrogue(ratio=1),
}
IN_PROCESS = {name: check for name, check in CHECKS.items() if check is not check_other_process}


@pytest.mark.parametrize("check", IN_PROCESS.values(), ids=IN_PROCESS)
@pytest.mark.parametrize("made", VARIANTS.values(), ids=VARIANTS)
def test_contract(made: Callable[[], Strategy], check: Callable[[Strategy], None]) -> None:
    check(made())


def test_same_rows_in_another_process() -> None:
    check_other_process_of([made() for made in VARIANTS.values()])


def _selection(rows: Any, score: Any = None) -> Selection:
    rows = np.asarray(rows)
    values = np.zeros(len(rows), np.float32) if score is None else score
    return Selection(rows, values, {"step": np.full(len(rows), "planted")})


@dataclass(frozen=True)
class Planted:
    """A correct strategy for the mistakes to start from."""

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = False

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return _selection(view.draw(n, rng))


class Repeats(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return _selection(view.draw(1, rng).repeat(n))


class OneTooFew(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return _selection(view.draw(n, rng)[1:])


class AsksClosedRows(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return _selection(np.arange(n, dtype=np.int64))


class OtherIndexType(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return _selection(view.draw(n, rng).astype(np.int32))


class WorstFirst(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return _selection(view.draw(n, rng), np.arange(n, dtype=np.float32))


class FactsOfAnotherLength(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows = view.draw(n, rng)
        return Selection(rows, np.zeros(n, np.float32), {"step": np.full(n + 1, "planted")})


class DividesByZero(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows = view.draw(n, rng)
        spread = view.static(rows).std(0).sum()
        return _selection(rows, np.nan_to_num(np.zeros(n, np.float32) / np.float32(spread * 0)))


class GlobalGenerator(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        np.random.rand()  # noqa: NPY002
        return _selection(view.draw(n, rng))


class GlobalGeneratorOfTorch(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        sys.modules["torch"].rand(1)
        return _selection(view.draw(n, rng))


class OwnSeed(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return _selection(view.draw(n, np.random.default_rng()))


class HashOfProcess(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return _selection(view.draw(n, np.random.default_rng(abs(hash("seed")))))


class WritesIntoTheView(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows = view.draw(n, rng)
        view.static(rows)[0] = 0
        return _selection(rows)


class NeedsModelSilently(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows = view.draw(n, rng)
        try:
            view.logits(rows)
        except NotFitted:
            return _selection(rows)
        return _selection(rows)


class DeclaresNoColdStart(Planted):
    cold_start: ClassVar[bool] = False


class DeclaresColdStartWrongly(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows = view.draw(n, rng)
        view.logits(rows)
        return _selection(rows)


class HidesNan(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows = view.draw(n, rng)
        try:
            view.features(rows)
        except NonFinite:
            return _selection(rows)
        return _selection(rows)


class SweepsSecretly(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return _selection(np.concatenate(list(view.blocks()))[:n])


class DrawsEverything(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return _selection(view.draw(view.size, rng)[:n])


class LooksBeyondItsDraw(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        view.static(np.arange(3, dtype=np.int64))
        return _selection(view.draw(n, rng))


class ForgetsOneClass(Planted):
    cold_start: ClassVar[bool] = False

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows = view.draw(n, rng)
        doubt = ops.entropy(view.logits(rows))
        share = np.bincount(view.labels, minlength=view.n_classes) / np.float64(len(view.labels))
        order = ops.top(np.asarray(doubt * (1 / share).sum(), np.float32), n)
        return _selection(rows[order])


class ClosesWhatItAsks(Planted):
    def query(self, view: View, n: int, rng: Generator) -> Selection:
        rows = view.draw(n, rng)
        view.pool.close(rows[:0] if n < 2 else view.labeled)  # type: ignore[attr-defined]
        view.pool.teach(view.labeled, view.labels * 0)  # type: ignore[attr-defined]
        return _selection(rows)


@dataclass(frozen=True)
class Remembers(Planted):
    seen: list[int] = field(default_factory=list, hash=False, compare=False, repr=False)

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        self.seen.append(n)
        return _selection(view.draw(n, np.random.default_rng(len(self.seen))))


@dataclass
class CanBeChanged:
    ratio: int = 3

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = False

    __hash__ = object.__hash__

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return _selection(view.draw(n, rng))


@dataclass(frozen=True)
class HidesAField(Planted):
    ratio: int = field(default=3, repr=False)


def _hidden() -> Strategy:
    return HidesAField(ratio=4)


MISTAKES: dict[Callable[[], Strategy], str] = {
    Repeats: "answers",
    OneTooFew: "answers",
    AsksClosedRows: "answers",
    OtherIndexType: "answers",
    WorstFirst: "answers",
    FactsOfAnotherLength: "answers",
    DividesByZero: "answers",
    WritesIntoTheView: "answers",
    ForgetsOneClass: "answers",
    ClosesWhatItAsks: "answers",
    OwnSeed: "repeats",
    Remembers: "stateless",
    HashOfProcess: "other process",
    GlobalGenerator: "global generators",
    GlobalGeneratorOfTorch: "global generators",
    NeedsModelSilently: "cold start",
    DeclaresNoColdStart: "cold start",
    DeclaresColdStartWrongly: "cold start",
    HidesNan: "refuses NaN",
    SweepsSecretly: "declared cost",
    DrawsEverything: "declared cost",
    LooksBeyondItsDraw: "declared cost",
    CanBeChanged: "value",
    _hidden: "value",
}


def test_the_suite_passes_what_is_right() -> None:
    check_strategy(Planted())


@pytest.mark.parametrize(("made", "check"), MISTAKES.items(), ids=[made.__name__ for made in MISTAKES])
def test_the_suite_catches(made: Callable[[], Strategy], check: str) -> None:
    if made is GlobalGeneratorOfTorch:
        pytest.importorskip("torch")
    with pytest.raises((AssertionError, ArithmeticError, ValueError)):
        CHECKS[check](made())

"""The corpus contract on the corpus in memory, and on corpora with a planted mistake, which it must catch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
from numpy.random import Generator

from tyrogue.pool import Pool, Texts
from tyrogue.testing import pools
from tyrogue.types import Rows, Text

COLLAPSING = partial(Texts, collapse_duplicates=True)


@pytest.mark.parametrize("check", pools.CHECKS.values(), ids=pools.CHECKS)
@pytest.mark.parametrize("make", [Texts, COLLAPSING], ids=["counting copies", "collapsing copies"])
def test_contract(make: pools.MakeCorpus, check: pools.Check) -> None:
    check(make)


class Sorts(Texts):
    def texts(self, rows: Rows) -> list[Text]:
        return super().texts(np.sort(rows))


class Strips(Texts):
    def texts(self, rows: Rows) -> list[Text]:
        return [text.strip() if isinstance(text, str) else text for text in super().texts(rows)]


class JoinsPairs(Texts):
    def texts(self, rows: Rows) -> list[Text]:
        return [text if isinstance(text, str) else " ".join(text) for text in super().texts(rows)]


class NamesItself(Texts):
    def __init__(self, texts: Sequence[Text]) -> None:
        super().__init__(texts, collapse_duplicates=True)

    def duplicates(self, rows: Rows) -> Rows:
        return np.union1d(rows, super().duplicates(rows))


@pytest.mark.parametrize(
    ("make", "check"),
    [(Sorts, "texts"), (Strips, "texts"), (JoinsPairs, "pairs"), (NamesItself, "duplicates")],
)
def test_the_suite_catches_a_wrong_corpus(make: pools.MakeCorpus, check: str) -> None:
    with pytest.raises(AssertionError):
        pools.CHECKS[check](make)


def _first_rows(self: Pool, n: int, rng: Generator) -> Rows:
    return next(self.blocks(max(self.size, 1)), np.empty(0, np.int64))[:n]


def _ignores_closed(self: Pool, n: int, rng: Generator) -> Rows:
    return np.sort(rng.choice(len(self), min(n, self.size), replace=False))


def _leans_left(self: Pool, n: int, rng: Generator) -> Rows:
    rows = np.concatenate(list(self.blocks()))
    weight = np.linspace(1.2, 0.8, len(rows))
    return np.sort(rng.choice(rows, min(n, len(rows)), replace=False, p=weight / weight.sum()))


@pytest.mark.parametrize(
    ("draw", "check"),
    [(_first_rows, "uniform"), (_ignores_closed, "draw"), (_leans_left, "uniform")],
)
def test_the_suite_catches_a_wrong_draw(
    draw: Callable[[Pool, int, Generator], Rows], check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pool, "draw", draw)
    with pytest.raises(AssertionError):
        pools.CHECKS[check](Texts)

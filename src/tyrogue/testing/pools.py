"""The contract of a corpus and of the pool on top of it, as plain functions.

    @pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
    def test_contract(check):
        check(MyCorpus)

where `MyCorpus(texts)` makes a corpus that holds these texts. Each check raises AssertionError with what was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tyrogue.errors import UsageError
from tyrogue.pool import Pool, as_rows
from tyrogue.protocols import Corpus
from tyrogue.types import UNLABELED, Rows, Text

MakeCorpus = Callable[[Sequence[Text]], Corpus]
Check = Callable[[MakeCorpus], None]

AWKWARD: list[Text] = [
    "plain",
    "",
    " ",
    "two\nlines",
    "tab\there",
    "'quotes' \"",
    "émigré 中文 🙂",
    "עברית",
    "x" * 100_000,
]
"""Texts that corpora have lost before."""


def check_corpus(make: MakeCorpus) -> None:
    """Raises AssertionError at the first point of the contract that the corpus breaks."""
    for check in CHECKS.values():
        check(make)


def check_texts(make: MakeCorpus) -> None:
    """Every text comes back as it was, in the order asked, as often as asked; none for no rows."""
    corpus = make(AWKWARD)
    _require(len(corpus) == len(AWKWARD), f"{len(AWKWARD)} texts went in, {len(corpus)} are there.")
    for rows in ([], [3], list(range(len(AWKWARD))), [8, 0, 3, 0, 8]):
        got = list(corpus.texts(as_rows(rows)))
        _require(got == [AWKWARD[row] for row in rows], f"Rows {rows} gave {[text[:20] for text in got]}.")


def check_pairs(make: MakeCorpus) -> None:
    """Pairs of texts come back as pairs."""
    pairs: list[Text] = [("a", "b"), ("b", "a"), ("a", "")]
    got = list(make(pairs).texts(as_rows([2, 0, 1])))
    _require(got == [pairs[2], pairs[0], pairs[1]], f"Pairs came back as {got}.")


def check_duplicates(make: MakeCorpus) -> None:
    """`duplicates` gives the other rows with one of these texts, sorted, or always nothing (copies count)."""
    texts: list[Text] = ["a", "b", "a", "c", "b", "a", "A", "a "]
    corpus = make(texts)
    collapses = len(corpus.duplicates(as_rows([0]))) > 0
    for rows in ([], [3], [0], [2], [0, 1], [0, 2, 5], list(range(8))):
        wanted = [other for other in range(8) if other not in rows and texts[other] in {texts[row] for row in rows}]
        got = corpus.duplicates(as_rows(rows))
        _require(got.dtype == np.int64, f"duplicates are {got.dtype}, not int64.")
        _require(got.tolist() == (wanted if collapses else []), f"Duplicates of {rows} are {got.tolist()}.")


def check_draw(make: MakeCorpus) -> None:
    """Draws are distinct, sorted, open, as many as asked or there are, and repeat with the seed."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        pool = _some_pool(make, rng)
        taken = set(pool.labeled.tolist()) | set(pool.closed.tolist())
        n, seed = int(rng.integers(1, 25)), int(rng.integers(100))
        rows = pool.draw(n, np.random.default_rng(seed))
        _require(len(rows) == min(n, pool.size) == len(set(rows.tolist())), f"{n} asked, {rows.tolist()} drawn.")
        _require(not taken & set(rows.tolist()), f"{rows.tolist()} holds labeled or closed rows of {sorted(taken)}.")
        _require(pool.is_open(rows) and bool((np.diff(rows) > 0).all()), f"{rows.tolist()} is not sorted and open.")
        again = pool.draw(n, np.random.default_rng(seed))
        _require(again.tolist() == rows.tolist(), "The same seed drew other rows.")


def check_uniform(make: MakeCorpus) -> None:
    """Every open row is drawn equally often (chi-squared at one in ten thousand)."""
    from scipy.stats import chi2

    pool = make_pool(make, 20)
    pool.teach([0, 7, 8], [0, 1, 0])
    pool.close([3, 19])
    rng, draws = np.random.default_rng(1), 3000
    seen = np.zeros(20)
    for _ in range(draws):
        seen[pool.draw(4, rng)] += 1
    is_open = np.array([pool.is_open(as_rows([row])) for row in range(20)])
    _require(not seen[~is_open].any(), f"Closed rows were drawn: {seen}.")
    expected = 4 * draws / pool.size
    # drawn without replacement, so that the variance is smaller by (size - 4) / (size - 1)
    statistic = ((seen[is_open] - expected) ** 2 / expected).sum() * (pool.size - 1) / (pool.size - 4)
    _require(statistic < chi2.ppf(1 - 1e-4, pool.size - 1), f"Draws are not uniform: {seen}.")


def check_blocks(make: MakeCorpus) -> None:
    """The blocks of a pool hold every open row once, ascending."""
    rng = np.random.default_rng(2)
    for size in (1, 3, 4096):
        pool = _some_pool(make, rng)
        taken = set(pool.labeled.tolist()) | set(pool.closed.tolist())
        rows = [row for block in pool.blocks(size) for row in block.tolist()]
        wanted = [row for row in range(len(pool)) if row not in taken]
        _require(rows == wanted, f"Blocks of {size} gave {rows} instead of {wanted}.")


def check_read_only(make: MakeCorpus) -> None:
    """What a pool gives out cannot be written to."""
    pool = make_pool(make, 10)
    pool.teach([1], [0])
    pool.close([2])
    for array in (pool.labeled, pool.labels, pool.closed, pool.reference):
        _require(not array.flags.writeable, "An array of the pool can be written to.")


def check_teach(make: MakeCorpus) -> None:
    """Labels are recorded, corrected and taken back; what is taken back is open again; foreign rows are refused."""
    pool = make_pool(make, 10)
    pool.teach([4, 2], [1, 0])
    pool.teach([4], [2])
    _require((pool.labeled.tolist(), pool.labels.tolist()) == ([2, 4], [0, 2]), "A correction did not replace.")
    pool.teach([2], [UNLABELED])
    _require(pool.labeled.tolist() == [4] and pool.is_open(as_rows([2])), "A label taken back is still there.")
    for row in (-1, 10):
        try:
            pool.teach([row], [0])
        except UsageError:
            continue
        _require(False, f"Row {row} of a pool of 10 was taught.")


CHECKS: dict[str, Check] = {
    "texts": check_texts,
    "pairs": check_pairs,
    "duplicates": check_duplicates,
    "draw": check_draw,
    "uniform": check_uniform,
    "blocks": check_blocks,
    "read-only": check_read_only,
    "teach": check_teach,
}
"""The contract, by name."""


def make_pool(make: MakeCorpus, n: int) -> Pool:
    """Gives a pool of n different texts."""
    return Pool(make([f"text {row}" for row in range(n)]))


def _some_pool(make: MakeCorpus, rng: np.random.Generator) -> Pool:
    n = int(rng.integers(1, 30))
    pool = make_pool(make, n)
    chosen: Rows = rng.permutation(n)
    labeled, closed = int(rng.integers(0, n)), int(rng.integers(0, n))
    pool.teach(chosen[:labeled], np.zeros(labeled, np.int64))
    pool.close(chosen[n - closed :])
    return pool


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)

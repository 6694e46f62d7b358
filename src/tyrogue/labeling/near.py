"""Near-duplicates: texts that say the same with other commas, found among embeddings that are there already."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tyrogue import ops
from tyrogue.types import Floats, Rows, Text

NEAR = 0.97
"""Cosine from which two texts count as copies: on AG News such pairs share nine words of ten, and below it fewer
(benchmarks/near_duplicates.py). Gold labels of one pair in nine differ all the same: people are asked."""
WORTH_READING = 0.9
"""Cosine from which the words themselves are compared."""
MOST = 100
"""Copies that a card offers at most."""


class Candidates(NamedTuple):
    """Rows with their unit vectors (n, d)."""

    rows: Rows
    vectors: Floats


def near_duplicates(
    rows: Rows, vectors: Floats, among: Candidates, texts_of: Callable[[Rows], Sequence[Text]]
) -> list[Rows]:
    """Gives for each row those of the candidates that nearly repeat it, the nearest first, never itself.

    Args:
        rows: (m,) what is to be asked about.
        vectors: (m, d) their unit vectors.
        among: where copies are looked for.
        texts_of: gives texts; asked for the few pairs that are alike but not yet near.
    """
    likeness = ops.unit(vectors) @ among.vectors.T
    likeness[rows[:, None] == among.rows] = -1
    near = likeness >= NEAR
    which, other = np.nonzero((likeness >= WORTH_READING) & ~near)
    near[which, other] = _same_words(rows[which], among.rows[other], texts_of)
    found = []
    for like, mine in zip(likeness, near, strict=True):
        order = np.flatnonzero(mine)
        found.append(among.rows[order[np.argsort(-like[order], kind="stable")]][:MOST])
    return found


def repeats(
    rows: Rows,
    vectors: Floats,
    taken: Candidates,
    texts_of: Callable[[Rows], Sequence[Text]],
    *,
    block: int = 1024,
) -> NDArray[np.bool_]:
    """Says of each row (m,) whether it nearly repeats a text that is taken, in O(m * taken).

    Args:
        rows: (m,) none of them taken.
        vectors: (m, d) their unit vectors.
        taken: what was decided about, or is asked already.
        texts_of: gives texts; asked for rows that are like a taken text but not yet near.
    """
    found = np.zeros(len(rows), bool)
    for start in range(0, len(rows) if len(taken.rows) else 0, block):
        likeness = vectors[start : start + block] @ taken.vectors.T
        nearest = likeness.argmax(axis=1)
        like = likeness[np.arange(len(nearest)), nearest]
        found[start : start + block] = like >= NEAR
        which = np.flatnonzero((like >= WORTH_READING) & (like < NEAR))
        found[start + which] = _same_words(rows[start + which], taken.rows[nearest[which]], texts_of)
    return found


def words_of(text: Text) -> str:
    """Gives the words of a text alone: without case, signs and spacing, letters in their plain form."""
    whole = text if isinstance(text, str) else "\n".join(text)
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", whole).casefold()))


def _same_words(rows: Rows, others: Rows, texts_of: Callable[[Rows], Sequence[Text]]) -> NDArray[np.bool_]:
    if not len(rows):
        return np.zeros(0, bool)
    needed = np.unique(np.concatenate([rows, others]))
    words = dict(zip(needed.tolist(), map(words_of, texts_of(needed)), strict=True))
    return np.array([words[a] == words[b] != "" for a, b in zip(rows.tolist(), others.tolist(), strict=True)], bool)

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

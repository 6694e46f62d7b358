"""How far annotators agree, where several labeled the same texts.

Krippendorff's alpha (Krippendorff, 2011) over everybody and for each class against the rest, Cohen's kappa (Cohen,
1960) for each two. 1 is perfect, 0 what chance gives; neither is defined where everybody always says the same class.
Only first looks count: labels given in review saw the others, labels from files and the autopilot are nobody's opinion.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import krippendorff
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from tyrogue.store import Vote

NOT_OPINIONS = ("review", "import")
Json = dict[str, Any]


def agreement(votes: Iterable[Vote], classes: Sequence[int], machines: Sequence[str] = ()) -> Json:
    """Gives alpha over all, by class and kappa by pair, each with the number of texts it rests on.

    Args:
        votes: who says what about which row.
        classes: the active classes, in order.
        machines: annotators who are none.
    """
    shared = _shared(vote for vote in votes if vote.kind not in NOT_OPINIONS and vote.annotator not in machines)
    place = {class_id: n for n, class_id in enumerate(classes)}
    counts = np.zeros((len(shared), len(classes)), np.int64)
    for n, said in enumerate(shared.values()):
        for class_id in said.values():
            counts[n, place[class_id]] += 1
    return {
        "texts": len(shared),
        "agreed": int((counts.max(axis=1, initial=0) == counts.sum(axis=1)).sum()) if len(shared) else 0,
        "alpha": _alpha(counts),
        "classes": [_of_class(class_id, counts, n) for class_id, n in place.items()],
        "pairs": _pairs(shared),
    }


def _shared(votes: Iterable[Vote]) -> dict[int, dict[str, int]]:
    """The rows that several people labeled: who said what."""
    said: dict[int, dict[str, int]] = defaultdict(dict)
    for vote in votes:
        said[vote.row][vote.annotator] = vote.class_id
    return {row: by for row, by in sorted(said.items()) if len(by) > 1}


def _of_class(class_id: int, counts: NDArray[np.int64], n: int) -> Json:
    chosen, total = counts[:, n], counts.sum(axis=1)
    texts, whole = int((chosen > 0).sum()), int(((chosen == total) & (chosen > 0)).sum())
    return {
        "class_id": class_id,
        "texts": texts,
        "agreed": whole,
        "alpha": _alpha(np.stack([chosen, total - chosen], 1)),
    }


def _pairs(shared: dict[int, dict[str, int]]) -> list[Json]:
    both: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for said in shared.values():
        for one, other in combinations(sorted(said), 2):
            both[one, other].append((said[one], said[other]))
    return [
        {
            "annotators": list(names),
            "texts": len(labels),
            "agreed": sum(a == b for a, b in labels),
            "kappa": _kappa(labels),
        }
        for names, labels in sorted(both.items())
    ]


def _kappa(labels: list[tuple[int, int]]) -> float | None:
    if len({class_id for pair in labels for class_id in pair}) < 2:
        return None
    one, other = zip(*labels, strict=True)
    return _number(cohen_kappa_score(one, other))


def _alpha(counts: NDArray[np.int64]) -> float | None:
    used = counts[:, counts.sum(axis=0) > 0]
    if len(counts) == 0 or used.shape[1] < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return _number(krippendorff.alpha(value_counts=used, level_of_measurement="nominal"))


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None

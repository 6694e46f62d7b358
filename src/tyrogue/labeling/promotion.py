"""Whether the labels of the random checks may be trained on: people's decision, on record, and reversible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tyrogue.errors import Conflict
from tyrogue.store import Store

PROMOTION = "promotion"
"""The setting: every decision with who and when, newest last."""

COST = (
    "More labels to learn from, and no independent accuracy any more: from then on it is cross-fitted, that is, each "
    "fifth of the checks is scored by a model that was trained without it. That takes five trainings and is a little "
    "pessimistic. You can take it back."
)

Json = dict[str, Any]


def promoted(store: Store) -> bool:
    """Whether models learn from the checks now."""
    return is_promoted(store.get(PROMOTION, []))


def is_promoted(record: list[Json]) -> bool:
    """Whether the last decision on record says so."""
    return bool(record and record[-1]["on"])


def promote(store: Store, on: bool, *, annotator: str, audit: Mapping[str, Any] | None) -> list[Json]:
    """Gives the record with this decision at its end.

    Args:
        on: whether models shall learn from the checks.
        audit: the last independent estimate, kept with the decision.

    Raises:
        Conflict: it is so already, or there are no checks to promote.
    """
    if promoted(store) == on:
        raise Conflict(f"The checks are {'' if on else 'not '}trained on already: there is nothing to change.")
    if on and not store.counts().by_kind.get("reference"):
        raise Conflict("No check has been labeled yet: there is nothing to promote. Label a batch first.")
    entry = {"on": on, "annotator": annotator, "journal": store.journal_position(), "audit": audit}
    return store.append(PROMOTION, entry)

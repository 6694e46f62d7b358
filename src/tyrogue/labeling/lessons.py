"""What a fit is given, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tyrogue.protocols import Classifier
from tyrogue.store import Model
from tyrogue.types import Labels, Rows


def knows_checks(model: Model) -> bool:
    """Whether a model was trained on the random checks, so that they cannot judge it."""
    return bool(model.metrics.get("promoted", False))


class Publication(NamedTuple):
    """A model that has been saved and registered."""

    model: Classifier
    record: Model


@dataclass(frozen=True)
class Lesson:
    """What one fit is given: fixed when it starts, whatever is labeled meanwhile."""

    kind: str
    rows: Rows
    labels: Labels
    class_ids: tuple[int, ...]
    journal_position: int
    round: int
    number: int
    promoted: bool = False
    """Whether the random checks are among what is learned."""

"""What the store gives and takes: frozen records. Times are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["query", "reference", "search", "review", "import"]
"""Why a text was asked about: the strategy chose it, honest accuracy, a person looked for it, second look, a file."""

KINDS: tuple[Kind, ...] = ("query", "reference", "search", "review", "import")

Action = Literal["label", "skip", "flag", "note"]
ACTIONS: tuple[Action, ...] = ("label", "skip", "flag", "note")
DECISIONS = ("label", "skip", "flag")
"""What answers an item, and what undo takes back. A note does neither."""

Role = Literal["owner", "reviewer", "annotator"]
ROLES: tuple[Role, ...] = ("owner", "reviewer", "annotator")


@dataclass(frozen=True)
class Class:
    """A class of the project. Its id stays, whatever becomes of its name."""

    id: int
    name: str
    position: int
    merged_into: int | None
    """The active class that its labels count for, or None while it is active itself."""
    active: bool
    labeled: int
    """Rows whose current label it is."""


@dataclass(frozen=True)
class Annotator:
    id: int
    name: str
    role: str
    password: bool = False
    """Whether there is one to log in with."""
    left: datetime | None = None
    """When the person was taken off the team."""


@dataclass(frozen=True)
class Credential:
    """A secret that lets somebody in; the secret itself is stored nowhere."""

    id: int
    annotator: str
    role: str
    kind: str
    label: str | None
    created: datetime
    expires: datetime


@dataclass(frozen=True)
class Work:
    """What one annotator has done: decisions that stand."""

    annotator: str
    labels: int
    skips: int
    flags: int
    today: int
    last: datetime
    pace: float | None
    """Median seconds of his last labels."""


@dataclass(frozen=True)
class Round:
    """One batch: opened once, and read again after a restart."""

    number: int
    strategy: str
    parameters: Mapping[str, Any]
    seed: int
    mode: str
    size: int
    ratio: float | None
    opened: datetime
    staged: bool
    ranked_with: str | None
    """Version of the model that ranked the items queued last; None before any model."""
    timings: Mapping[str, float]
    answered: int
    """Items of this round that somebody has decided."""
    shown: int
    """Items of it that somebody has had in hand, decided or not: no ranking replaces them any more."""
    queued: int
    """Items that it has; 0 when it was opened and the process died before the first was queued."""


@dataclass(frozen=True)
class NewItem:
    """A text on its way into the queue."""

    row: int
    kind: str = "query"
    score: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    model_version: str | None = None
    probabilities: Sequence[float] | None = None
    """In the order of the model's classes; what was seen before the label."""
    blind: bool = False
    overlap: int | None = None
    """Annotators wanted; None takes the project's setting."""


@dataclass(frozen=True)
class Item:
    """A text in the queue."""

    id: int
    row: int
    kind: str
    round: int | None
    position: int
    score: float | None
    facts: Mapping[str, Any]
    model_version: str | None
    probabilities: list[float] | None
    blind: bool
    created: datetime
    answered: bool
    """Nobody else is wanted to decide it."""
    reserved_until: datetime | None = None
    label: int | None = None
    """The class that this annotator gave it last, also when that was undone."""


@dataclass(frozen=True)
class Annotation:
    """A record of the journal."""

    id: int
    token: str
    item: int
    row: int
    annotator: str
    action: str
    class_id: int | None
    note: str | None
    seconds: float | None
    created: datetime
    undone: bool
    kind: str
    model_version: str | None
    round: int | None
    undoes: int | None = None


@dataclass(frozen=True)
class ClassEvent:
    """A record of the journal about a class."""

    id: int
    event: str
    class_id: int
    name: str | None
    into: int | None
    created: datetime


@dataclass(frozen=True)
class LabelRecord:
    """The current label of a row, with all that an export tells about it."""

    row: int
    class_id: int
    kind: str
    """Why it was first asked about, also when the label was corrected in review."""
    annotator: str
    created: datetime
    seconds: float | None
    model_version: str | None
    round: int | None
    probabilities: list[float] | None
    note: str | None
    flagged: bool
    annotators: int
    """How many people labeled the row."""
    agreed: bool
    adjudicated: bool
    tied: bool = False
    """No class has more votes than any other; the latest vote counts."""


@dataclass(frozen=True)
class Vote:
    """The class that one annotator gives one row now, merges resolved."""

    row: int
    annotator: str
    class_id: int
    kind: str
    created: datetime
    model_version: str | None
    """Of the model that had chosen the text for this annotator."""
    seconds: float | None


@dataclass(frozen=True)
class Counts:
    labeled: int
    skipped: int
    flagged: int
    by_class: Mapping[int, int]
    """Of active classes, 0 included."""
    by_kind: Mapping[str, int]
    today: int
    """Rows whose label was given since local midnight."""


@dataclass(frozen=True)
class Model:
    version: str
    kind: str
    path: str
    round: int
    labels: int
    train_seconds: float
    journal_position: int
    class_ids: tuple[int, ...]
    """Class of each of its outputs."""
    metrics: Mapping[str, Any]
    created: datetime

    def age(self, now: datetime) -> float:
        """Gives the seconds since it was trained."""
        return max(0.0, (now - self.created).total_seconds())

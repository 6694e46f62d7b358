"""Projects in SQLite or PostgreSQL: classes, queue with reservations, append-only journal, rounds, models."""

from __future__ import annotations

from tyrogue.store.records import (
    ACTIONS,
    KINDS,
    ROLES,
    Annotation,
    Annotator,
    Class,
    ClassEvent,
    Counts,
    Credential,
    Item,
    LabelRecord,
    Model,
    NewItem,
    Round,
    Vote,
    Work,
)
from tyrogue.store.reviews import Looked, Wanted
from tyrogue.store.store import Store

__all__ = [
    "ACTIONS",
    "KINDS",
    "ROLES",
    "Annotation",
    "Annotator",
    "Class",
    "ClassEvent",
    "Counts",
    "Credential",
    "Item",
    "LabelRecord",
    "Looked",
    "Model",
    "NewItem",
    "Round",
    "Store",
    "Vote",
    "Wanted",
    "Work",
]

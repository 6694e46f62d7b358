"""The tables, as queries see them. Migrations hold their own frozen copy; a test compares the two.

Every table carries `project_id`, so that several projects may share one PostgreSQL database.

Two kinds of table:
    the record      `annotations`, `class_events`: append only, enforced by triggers of the database; one counter,
                    `projects.journal`, numbers both without gaps, in the order in which they were committed;
    what follows    `classes`, `truths`, and `decided`, `open` of `items`: derived from the record in the same
                    transaction, and rebuilt from it by `Store.rebuild`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

HEAD = "0003"
"""The revision that this code reads and writes."""

VERSION_TABLE = "tyrogue_version"

metadata = MetaData()


class UtcTime(TypeDecorator[datetime]):
    """A point in time: aware UTC in Python, `timestamptz` on PostgreSQL, sortable UTC text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _project() -> Column[int]:
    return Column("project_id", Integer, ForeignKey("projects.id"), nullable=False)


def _key_project() -> Column[int]:
    return Column("project_id", Integer, ForeignKey("projects.id"), primary_key=True)


def _json(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, JSON(none_as_null=True), nullable=nullable)


projects = Table(
    "projects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("journal", BigInteger, nullable=False),  # number of the last record; its row lock orders the writers
    Column("created", UtcTime, nullable=False),
)

annotators = Table(
    "annotators",
    metadata,
    Column("id", Integer, primary_key=True),
    _project(),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("password", Text),  # Argon2's own format; null: no password
    Column("left", UtcTime),  # when the person was taken off the team; what he labeled stays
    UniqueConstraint("project_id", "name", name="annotators_name"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", Integer, primary_key=True),
    _project(),
    Column("annotator_id", Integer, ForeignKey("annotators.id"), nullable=False),
    Column("kind", Text, nullable=False),  # invitation, link, session, token
    Column("digest", Text, nullable=False),  # SHA-256 of the secret, which is nowhere
    Column("label", Text),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
    Column("ended", UtcTime),  # used up, logged out or revoked
    UniqueConstraint("project_id", "digest", name="credentials_digest"),
    Index("credentials_annotator", "annotator_id", "kind"),
)

class_events = Table(
    "class_events",
    metadata,
    _key_project(),
    Column("id", BigInteger, primary_key=True),
    Column("event", Text, nullable=False),  # add, rename, merge
    Column("class_id", Integer, nullable=False),
    Column("name", Text),
    Column("into_id", Integer),
    Column("created", UtcTime, nullable=False),
)

classes = Table(
    "classes",
    metadata,
    _key_project(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("root_id", Integer, nullable=False),  # the active class that its labels count for; itself while active
)

rounds = Table(
    "rounds",
    metadata,
    _key_project(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("strategy", Text, nullable=False),
    _json("parameters"),
    Column("seed", BigInteger, nullable=False),
    Column("mode", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("ratio", Float),
    Column("opened", UtcTime, nullable=False),
    Column("ranked_with", Text),
    _json("timings"),
)

stages = Table(
    "stages",
    metadata,
    _key_project(),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("part", Text, primary_key=True),  # candidates, rows, fact:NAME
    Column("format", Text, nullable=False),  # npy, json
    Column("content", LargeBinary, nullable=False),
    ForeignKeyConstraint(["project_id", "round"], ["rounds.project_id", "rounds.number"], name="stages_round"),
)

items = Table(
    "items",
    metadata,
    Column("id", Integer, primary_key=True),
    _project(),
    Column("round", Integer),  # null when a person asked for the text
    Column("priority", Integer, nullable=False),  # 0; below 0 when a person asked, the newest lowest
    Column("position", Integer, nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("score", Float),
    _json("facts"),
    Column("model_version", Text),
    _json("probabilities", nullable=True),
    Column("blind", Boolean, nullable=False),
    Column("overlap", Integer),  # annotators wanted; null: the project's setting
    Column("created", UtcTime, nullable=False),
    Column("served", UtcTime),  # when it was first shown to anybody: from then on it is never replaced
    Column("decided", Integer, nullable=False),  # annotators whose decision stands
    Column("open", Boolean, nullable=False),  # more decisions are wanted
    ForeignKeyConstraint(["project_id", "round"], ["rounds.project_id", "rounds.number"], name="items_of_round"),
    Index("items_next", "project_id", "open", "priority", "round", "position", "id"),
    Index("items_row", "project_id", "row"),
    Index("items_round", "project_id", "round", "position"),
    sqlite_autoincrement=True,  # the number of a replaced item is never given again
)

reservations = Table(
    "reservations",
    metadata,
    Column("item_id", Integer, ForeignKey("items.id"), primary_key=True),
    Column("annotator_id", Integer, ForeignKey("annotators.id"), primary_key=True),
    _project(),
    Column("ordinal", Integer, nullable=False),  # the annotator's own order; an undo goes before the first
    Column("expires", UtcTime, nullable=False),
    Index("reservations_annotator", "annotator_id", "expires"),
    Index("reservations_live", "project_id", "expires"),
)

journal = Table(
    "annotations",
    metadata,
    _key_project(),
    Column("id", BigInteger, primary_key=True),
    Column("token", Text, nullable=False),
    Column("item_id", Integer, ForeignKey("items.id"), nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("annotator_id", Integer, ForeignKey("annotators.id"), nullable=False),
    Column("action", Text, nullable=False),  # label, skip, flag, note, undo
    Column("class_id", Integer),
    Column("note", Text),
    Column("seconds", Float),
    Column("created", UtcTime, nullable=False),
    Column("undoes", BigInteger),  # the annotation that an undo takes back
    ForeignKeyConstraint(["project_id", "class_id"], ["classes.project_id", "classes.id"], name="annotations_class"),
    ForeignKeyConstraint(
        ["project_id", "undoes"], ["annotations.project_id", "annotations.id"], name="annotations_undone"
    ),
    UniqueConstraint("project_id", "token", name="annotations_token"),
    UniqueConstraint("project_id", "undoes", name="annotations_undoes"),
    Index("annotations_row", "project_id", "row", "id"),
    Index("annotations_item", "item_id", "annotator_id"),
    Index("annotations_annotator", "project_id", "annotator_id", "id"),
)

truths = Table(
    "truths",
    metadata,
    _key_project(),
    Column("row", BigInteger, primary_key=True, autoincrement=False),
    Column("annotation_id", BigInteger),  # the label that counts; null when there is none
    Column("class_id", Integer),  # as given; classes.root_id resolves merges
    Column("kind", Text),  # why it was first asked about
    Column("created", UtcTime),
    Column("skipped", Boolean, nullable=False),
    Column("flagged", Boolean, nullable=False),
    Column("voters", Integer, nullable=False),
    Column("agreed", Boolean, nullable=False),
    Column("adjudicated", Boolean, nullable=False),
    Column("tied", Boolean, nullable=False, server_default=false()),  # no class has more votes than any other
    Index("truths_class", "project_id", "class_id", "kind", "skipped", "flagged"),
    Index("truths_created", "project_id", "created"),
)

models = Table(
    "models",
    metadata,
    Column("id", Integer, primary_key=True),
    _project(),
    Column("version", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("labels", Integer, nullable=False),
    Column("train_seconds", Float, nullable=False),
    Column("journal_position", BigInteger, nullable=False),
    _json("class_ids"),
    _json("metrics"),
    Column("created", UtcTime, nullable=False),
    UniqueConstraint("project_id", "version", name="models_version"),
)

settings = Table(
    "settings",
    metadata,
    _key_project(),
    Column("key", Text, primary_key=True),
    Column("value", JSON, nullable=False),
)

statuses = Table(
    "statuses",
    metadata,
    _key_project(),
    Column("process", Text, primary_key=True),
    _json("status"),
    Column("updated", UtcTime, nullable=False),
)

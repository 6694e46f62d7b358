"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
RECORDS = ("annotations", "class_events")


def upgrade() -> None:
    people()
    classes()
    rounds()
    queue()
    journal()
    processes()
    append_only()


def project(*, key: bool = False) -> sa.Column[int]:
    return sa.Column("project_id", sa.Integer, sa.ForeignKey("projects.id"), nullable=False, primary_key=key)


def people() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("journal", sa.BigInteger, nullable=False),
        sa.Column("created", TIME, nullable=False),
    )
    op.create_table(
        "annotators",
        sa.Column("id", sa.Integer, primary_key=True),
        project(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.UniqueConstraint("project_id", "name", name="annotators_name"),
    )


def classes() -> None:
    op.create_table(
        "class_events",
        project(key=True),
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("class_id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("into_id", sa.Integer),
        sa.Column("created", TIME, nullable=False),
    )
    op.create_table(
        "classes",
        project(key=True),
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("root_id", sa.Integer, nullable=False),
    )


def rounds() -> None:
    op.create_table(
        "rounds",
        project(key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("ratio", sa.Float),
        sa.Column("opened", TIME, nullable=False),
        sa.Column("ranked_with", sa.Text),
        sa.Column("timings", sa.JSON, nullable=False),
    )
    op.create_table(
        "stages",
        project(key=True),
        sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["project_id", "round"], ["rounds.project_id", "rounds.number"], name="stages_round"),
    )


def queue() -> None:
    op.create_table(
        "items",
        sa.Column("id", sa.Integer, primary_key=True),
        project(),
        sa.Column("round", sa.Integer),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("row", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("model_version", sa.Text),
        sa.Column("probabilities", sa.JSON),
        sa.Column("blind", sa.Boolean, nullable=False),
        sa.Column("overlap", sa.Integer),
        sa.Column("created", TIME, nullable=False),
        sa.Column("served", TIME),
        sa.Column("decided", sa.Integer, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["project_id", "round"], ["rounds.project_id", "rounds.number"], name="items_of_round"),
        sqlite_autoincrement=True,
    )
    op.create_index("items_next", "items", ["project_id", "open", "priority", "round", "position", "id"])
    op.create_index("items_row", "items", ["project_id", "row"])
    op.create_index("items_round", "items", ["project_id", "round", "position"])
    op.create_table(
        "reservations",
        sa.Column("item_id", sa.Integer, sa.ForeignKey("items.id"), primary_key=True),
        sa.Column("annotator_id", sa.Integer, sa.ForeignKey("annotators.id"), primary_key=True),
        project(),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("expires", TIME, nullable=False),
    )
    op.create_index("reservations_annotator", "reservations", ["annotator_id", "expires"])
    op.create_index("reservations_live", "reservations", ["project_id", "expires"])


def journal() -> None:
    op.create_table(
        "annotations",
        project(key=True),
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("item_id", sa.Integer, sa.ForeignKey("items.id"), nullable=False),
        sa.Column("row", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("annotator_id", sa.Integer, sa.ForeignKey("annotators.id"), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("class_id", sa.Integer),
        sa.Column("note", sa.Text),
        sa.Column("seconds", sa.Float),
        sa.Column("created", TIME, nullable=False),
        sa.Column("undoes", sa.BigInteger),
        sa.ForeignKeyConstraint(
            ["project_id", "class_id"], ["classes.project_id", "classes.id"], name="annotations_class"
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "undoes"], ["annotations.project_id", "annotations.id"], name="annotations_undone"
        ),
        sa.UniqueConstraint("project_id", "token", name="annotations_token"),
        sa.UniqueConstraint("project_id", "undoes", name="annotations_undoes"),
    )
    op.create_index("annotations_row", "annotations", ["project_id", "row", "id"])
    op.create_index("annotations_item", "annotations", ["item_id", "annotator_id"])
    op.create_index("annotations_annotator", "annotations", ["project_id", "annotator_id", "id"])
    op.create_table(
        "truths",
        project(key=True),
        sa.Column("row", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("annotation_id", sa.BigInteger),
        sa.Column("class_id", sa.Integer),
        sa.Column("kind", sa.Text),
        sa.Column("created", TIME),
        sa.Column("skipped", sa.Boolean, nullable=False),
        sa.Column("flagged", sa.Boolean, nullable=False),
        sa.Column("voters", sa.Integer, nullable=False),
        sa.Column("agreed", sa.Boolean, nullable=False),
        sa.Column("adjudicated", sa.Boolean, nullable=False),
    )
    op.create_index("truths_class", "truths", ["project_id", "class_id", "kind", "skipped", "flagged"])
    op.create_index("truths_created", "truths", ["project_id", "created"])


def processes() -> None:
    op.create_table(
        "models",
        sa.Column("id", sa.Integer, primary_key=True),
        project(),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("labels", sa.Integer, nullable=False),
        sa.Column("train_seconds", sa.Float, nullable=False),
        sa.Column("journal_position", sa.BigInteger, nullable=False),
        sa.Column("class_ids", sa.JSON, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.UniqueConstraint("project_id", "version", name="models_version"),
    )
    op.create_table(
        "settings",
        project(key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )
    op.create_table(
        "statuses",
        project(key=True),
        sa.Column("process", sa.Text, primary_key=True),
        sa.Column("status", sa.JSON, nullable=False),
        sa.Column("updated", TIME, nullable=False),
    )


def append_only() -> None:
    """Makes the database itself refuse to change or delete a record."""
    if op.get_bind().dialect.name == "sqlite":
        for table in RECORDS:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION tyrogue_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append only', TG_TABLE_NAME; END $$"
    )
    for table in RECORDS:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION tyrogue_append_only()"
        )

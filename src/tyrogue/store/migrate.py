"""Brings a database to the revision that this code reads; all of it in one transaction, or nothing."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from tyrogue.errors import NewerProject, ProjectError
from tyrogue.store.database import Database
from tyrogue.store.schema import HEAD, VERSION_TABLE, metadata

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x7479726F677565  # PostgreSQL's advisory lock of those who migrate: "tyrogue"


def migrate(database: Database) -> None:
    """Creates or upgrades the schema; processes that open the database together take turns.

    Raises:
        NewerProject: a newer version of tyrogue wrote it; nothing is touched.
        ProjectError: the database holds tables of something else.
    """
    with database.read() as connection:
        if revision(connection) == HEAD:  # the usual case does not import Alembic
            return
    with database.write() as connection:
        if not database.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        found = revision(connection)
        if found == HEAD:
            return
        _check(database, connection, found)
        upgrade(connection, HEAD)


def revision(connection: Connection) -> str | None:
    """Gives the schema's revision; None when there is no schema yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def upgrade(connection: Connection, to: str) -> None:
    """Runs the migrations up to revision `to` on this connection; the caller commits."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def revisions() -> list[str]:
    """Gives the revisions that this code knows, oldest first."""
    from alembic.script import ScriptDirectory

    walk = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    return [script.revision for script in walk][::-1]


def _check(database: Database, connection: Connection, found: str | None) -> None:
    if found is not None and found not in revisions():
        raise NewerProject(
            f"{database.name} was written by a newer version of tyrogue (its schema is {found}, this version knows "
            f"up to {HEAD}). Upgrade: pip install --upgrade tyrogue"
        )
    if found is None:
        foreign = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
        if foreign:
            raise ProjectError(
                f"{database.name} holds tables of something else ({', '.join(foreign)}). "
                "Give tyrogue a database or a schema of its own."
            )

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text

from tyrogue.errors import NewerProject, ProjectError
from tyrogue.store import KINDS, Store, migrate, schema
from tyrogue.store.database import Database
from tyrogue.store.schema import HEAD, VERSION_TABLE

NOW = "'2025-01-02 03:04:05'"
OLD_PROJECTS = {
    # What a project of each revision holds, in the words of that revision: two labels by ann, one taken back.
    "0001": f"""
        INSERT INTO projects (id, name, journal, created) VALUES (1, 'old', 5, {NOW});
        INSERT INTO annotators (id, project_id, name, role, created) VALUES (1, 1, 'ann', 'annotator', {NOW});
        INSERT INTO class_events VALUES (1, 1, 'add', 0, 'no', NULL, {NOW}), (1, 2, 'add', 1, 'yes', NULL, {NOW});
        INSERT INTO classes VALUES (1, 0, 'no', 0, 0), (1, 1, 'yes', 1, 1);
        INSERT INTO rounds VALUES
            (1, 0, 'tyrogue', '{{"ratio":3}}', 7, 'cached', 50, 3.0, {NOW}, 'm1', '{{"draw":0.5}}');
        INSERT INTO items
            (id, project_id, round, priority, position, "row", kind, facts, blind, created, served, decided, open)
            VALUES (1, 1, 0, 0, 0, 40, 'query', '{{}}', FALSE, {NOW}, {NOW}, 1, FALSE),
                   (2, 1, 0, 0, 1, 41, 'query', '{{}}', FALSE, {NOW}, {NOW}, 0, TRUE);
        INSERT INTO annotations
            (project_id, id, token, item_id, "row", kind, annotator_id, action, class_id, seconds, created, undoes)
            VALUES (1, 3, 'a', 1, 40, 'query', 1, 'label', 1, 2.5, {NOW}, NULL),
                   (1, 4, 'b', 2, 41, 'query', 1, 'label', 0, 2.5, {NOW}, NULL),
                   (1, 5, 'c', 2, 41, 'query', 1, 'undo', NULL, NULL, {NOW}, 4);
        INSERT INTO truths VALUES (1, 40, 3, 1, 'query', {NOW}, FALSE, FALSE, 1, TRUE, FALSE)
    """,
    # ... and ben, who disagreed about another text before he left.
    "0002": f"""
        INSERT INTO projects (id, name, journal, created) VALUES (1, 'old', 5, {NOW});
        INSERT INTO annotators (id, project_id, name, role, created, password, "left") VALUES
            (1, 1, 'ann', 'annotator', {NOW}, '$argon2id$...', NULL), (2, 1, 'ben', 'reviewer', {NOW}, NULL, {NOW});
        INSERT INTO credentials (id, project_id, annotator_id, kind, digest, label, created, expires, ended) VALUES
            (1, 1, 2, 'token', 'abc', NULL, {NOW}, '2099-01-02 03:04:05', {NOW});
        INSERT INTO class_events VALUES (1, 1, 'add', 0, 'no', NULL, {NOW}), (1, 2, 'add', 1, 'yes', NULL, {NOW});
        INSERT INTO classes VALUES (1, 0, 'no', 0, 0), (1, 1, 'yes', 1, 1);
        INSERT INTO rounds VALUES
            (1, 0, 'tyrogue', '{{"ratio":3}}', 7, 'cached', 50, 3.0, {NOW}, 'm1', '{{"draw":0.5}}');
        INSERT INTO items
            (id, project_id, round, priority, position, "row", kind, facts, blind, created, served, decided, open)
            VALUES (1, 1, 0, 0, 0, 40, 'query', '{{}}', FALSE, {NOW}, {NOW}, 1, FALSE),
                   (2, 1, 0, 0, 1, 41, 'query', '{{}}', FALSE, {NOW}, {NOW}, 0, TRUE);
        INSERT INTO annotations
            (project_id, id, token, item_id, "row", kind, annotator_id, action, class_id, seconds, created, undoes)
            VALUES (1, 3, 'a', 1, 40, 'query', 1, 'label', 1, 2.5, {NOW}, NULL),
                   (1, 4, 'b', 2, 41, 'query', 1, 'label', 0, 2.5, {NOW}, NULL),
                   (1, 5, 'c', 2, 41, 'query', 1, 'undo', NULL, NULL, {NOW}, 4);
        INSERT INTO truths VALUES (1, 40, 3, 1, 'query', {NOW}, FALSE, FALSE, 1, TRUE, FALSE, FALSE)
    """,
}
OLD_PROJECTS["0003"] = OLD_PROJECTS["0002"]  # the same tables; the migration changes what stands in one of them


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of its own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'project.db'}"
        return
    server, name = request.getfixturevalue("postgres"), f"db_{uuid.uuid4().hex}"
    engine = create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    yield server.rsplit("/", 1)[0] + "/" + name


def _execute(url: str, *statements: str) -> None:
    database = Database(url)
    with database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    database.engine.dispose()


def _tables(url: str) -> list[str]:
    database = Database(url)
    with database.read() as connection:
        tables = sorted(inspect(connection).get_table_names())
    database.engine.dispose()
    return tables


def test_head_is_the_newest_revision_and_each_has_an_old_project() -> None:
    assert migrate.revisions()[-1] == HEAD
    assert list(OLD_PROJECTS) == migrate.revisions()


def test_migrations_make_the_tables_that_queries_expect(empty: str) -> None:
    Store.open(empty).close()
    database = Database(empty)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, schema.metadata) == []
    database.engine.dispose()


@pytest.mark.parametrize("revision", OLD_PROJECTS)
def test_an_old_project_opens_with_all_it_held(empty: str, revision: str) -> None:
    database = Database(empty)
    with database.write() as connection:
        migrate.upgrade(connection, revision)
        for statement in OLD_PROJECTS[revision].split(";\n"):
            connection.exec_driver_sql(statement)
    database.engine.dispose()
    with Store.open(empty, "old") as store:
        assert [c.name for c in store.classes()] == ["no", "yes"]
        assert [rows.tolist() for rows in store.labels()] == [[40], [1]]
        assert [(one.token, one.undone) for one in store.annotations()] == [("b", True), ("a", False)]
        assert (store.rebuild(), store.journal_position()) == (0, 5)
        assert (store.round(0).ratio, store.round(0).timings) == (3, {"draw": 0.5})
        assert store.item(1).created.isoformat().startswith("2025-01-02T03:04:05")
        assert store.reserve("ann", 1)[0].row == 41


def test_a_newer_project_is_left_alone(empty: str) -> None:
    Store.open(empty).close()
    _execute(empty, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(NewerProject, match=r"newer version of tyrogue.*9999.*pip install --upgrade"):
        Store.open(empty)
    database = Database(empty)
    with database.read() as connection:
        assert migrate.revision(connection) == "9999"
    database.engine.dispose()


def test_tables_of_something_else_are_left_alone(empty: str) -> None:
    _execute(empty, "CREATE TABLE items (price INTEGER)")
    with pytest.raises(ProjectError, match=r"something else \(items\)"):
        Store.open(empty)
    assert _tables(empty) == ["items"]


def test_a_migration_that_fails_leaves_nothing_half_done(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = migrate.upgrade

    def interrupted(connection: Connection, to: str) -> None:
        whole(connection, to)
        raise KeyboardInterrupt

    monkeypatch.setattr(migrate, "upgrade", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Store.open(empty)
    assert _tables(empty) == []
    monkeypatch.undo()
    with Store.open(empty) as store:
        assert store.classes() == []


def test_a_new_project_may_be_opened_by_many_at_once(empty: str) -> None:
    with ThreadPoolExecutor(6) as threads:
        stores = list(threads.map(lambda _: Store.open(empty, "new"), range(6)))
    for n, store in enumerate(stores):
        store.add_class(f"class {n}")
    assert len(stores[0].classes()) == 6
    for store in stores:
        store.close()


def test_ties_of_an_old_project_are_known_after_it_was_opened(empty: str) -> None:
    """Of eight rows voted on at the first revision, the migration finds what the journal says."""
    votes = {50: "0", 51: "01", 52: "011", 53: "0110", 54: "012", 55: "0122", 56: "00", 57: "0011"}
    lines, truths, n = [], [], 10
    for row, said in votes.items():
        for who, class_id in enumerate(said, start=1):
            n += 1
            lines.append(f"(1, {n}, 't{n}', {row}, {row}, 'query', {who}, 'label', {class_id}, 2.5, {NOW}, NULL)")
        counts = sorted(said.count(one) for one in set(said))
        best = max(i for i, one in enumerate(said) if said.count(one) == counts[-1])
        label = f"{n - len(said) + 1 + best}, {said[best]}, 'query', {NOW}"
        truths.append(f"(1, {row}, {label}, FALSE, FALSE, {len(said)}, {str(len(set(said)) == 1).upper()}, FALSE)")
    people = ", ".join(f"({n}, 1, 'p{n}', 'annotator', {NOW})" for n in range(1, 5))
    items = ", ".join(f"({r}, 1, 0, 0, {r}, 'query', '{{}}', FALSE, {NOW}, {len(v)}, FALSE)" for r, v in votes.items())
    events = ", ".join(f"(1, {n + 1}, 'add', {n}, 'c{n}', NULL, {NOW})" for n in range(3))
    classes = ", ".join(f"(1, {n}, 'c{n}', {n}, {n})" for n in range(3))
    database = Database(empty)
    with database.write() as connection:
        migrate.upgrade(connection, "0001")
        for statement in (
            f"INSERT INTO projects (id, name, journal, created) VALUES (1, 'old', {n}, {NOW})",
            f"INSERT INTO annotators (id, project_id, name, role, created) VALUES {people}",
            f"INSERT INTO class_events VALUES {events}",
            f"INSERT INTO classes VALUES {classes}",
            f"""INSERT INTO items (id, project_id, priority, position, "row", kind, facts, blind, created, decided,
                open) VALUES {items}""",
            f"""INSERT INTO annotations (project_id, id, token, item_id, "row", kind, annotator_id, action, class_id,
                seconds, created, undoes) VALUES {", ".join(lines)}""",
            f"INSERT INTO truths VALUES {', '.join(truths)}",
        ):
            connection.exec_driver_sql(statement)
    database.engine.dispose()
    with Store.open(empty, "old") as store:
        assert sorted(row for row, tied in store.disputes() if tied) == [51, 53, 54, 57]
        assert [row for row, _ in store.disputes()][-2:] == [55, 52], "majorities come after ties, most votes first"
        assert store.rebuild() == 0


def test_corrected_labels_of_an_old_project_know_again_why_they_were_asked(empty: str) -> None:
    """Said about each row, oldest first, as kind and action; a review whose earlier label was taken back stays one."""
    said = {
        60: (["query label", "review label"], "query"),
        61: (["query skip", "review label"], "query"),
        62: (["search label", "review label", "review label"], "search"),
        63: (["query label taken back", "review label"], "review"),
        64: (["query note", "review label"], "review"),
        65: (["reference label", "review label"], "reference"),
        66: (["import label", "search label"], "import"),
    }
    lines, items, truths, n = [], [], [], 10
    for row, (events, _) in said.items():
        items.append(f"(1, {row}, 0, 0, {row}, 'query', '{{}}', FALSE, {NOW}, 1, FALSE)")
        for who, event in enumerate(events, start=1):
            n += 1
            kind, action, *back = event.split()
            class_id, note = ("0" if action == "label" else "NULL"), ("'hm'" if action == "note" else "NULL")
            words = f"{who}, '{action}', {class_id}, {note}, {NOW}"
            lines.append(f"(1, {n}, 't{n}', {row}, {row}, '{kind}', {words}, NULL)")
            if back:
                n += 1
                words = f"{who}, 'undo', NULL, NULL, {NOW}"
                lines.append(f"(1, {n}, 't{n}', {row}, {row}, '{kind}', {words}, {n - 1})")
        kind = "reference" if row == 65 else events[-1].split()[0]
        votes = sum(event.endswith("label") for event in events)
        reviewed = str(kind == "review" or row == 65).upper()
        truths.append(f"(1, {row}, {n}, 0, '{kind}', {NOW}, FALSE, FALSE, {votes}, TRUE, {reviewed}, FALSE)")
    people = ", ".join(f"({who}, 1, 'p{who}', 'annotator', {NOW})" for who in range(1, 4))
    database = Database(empty)
    with database.write() as connection:
        migrate.upgrade(connection, "0002")
        for statement in (
            f"INSERT INTO projects (id, name, journal, created) VALUES (1, 'old', {n}, {NOW})",
            f"INSERT INTO annotators (id, project_id, name, role, created) VALUES {people}",
            f"INSERT INTO class_events VALUES (1, 1, 'add', 0, 'c0', NULL, {NOW})",
            "INSERT INTO classes VALUES (1, 0, 'c0', 0, 0)",
            f"""INSERT INTO items (project_id, id, priority, position, "row", kind, facts, blind, created, decided,
                open) VALUES {", ".join(items)}""",
            f"""INSERT INTO annotations (project_id, id, token, item_id, "row", kind, annotator_id, action, class_id,
                note, created, undoes) VALUES {", ".join(lines)}""",
            f"INSERT INTO truths VALUES {', '.join(truths)}",
        ):
            connection.exec_driver_sql(statement)
    database.engine.dispose()
    with Store.open(empty, "old") as store:
        kinds = {kind: store.labels(kinds=(kind,))[0].tolist() for kind in KINDS}
        assert kinds == {kind: [row for row, (_, origin) in said.items() if origin == kind] for kind in KINDS}

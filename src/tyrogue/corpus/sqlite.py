"""The texts of a project, by row, from its pool.sqlite: random access, never loaded whole."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tyrogue.corpus import schema
from tyrogue.corpus.records import Record
from tyrogue.corpus.search import AMONG, SearchIndex, match_expression
from tyrogue.errors import BadInput, ProjectError, UsageError
from tyrogue.pool import NO_ROWS, as_rows, frozen
from tyrogue.types import Rows, Text

# One statement for any number of rows: SQLite walks the JSON array and looks each row up.
_TEXTS = "SELECT t.row, t.text, t.text_pair FROM json_each(?) AS j CROSS JOIN texts AS t ON t.row = j.value"
_RECORDS = (
    "SELECT t.row, t.id, t.text, t.text_pair, t.meta, t.gold "
    "FROM json_each(?) AS j CROSS JOIN texts AS t ON t.row = j.value"
)
_COLUMN = "SELECT t.row, t.{} FROM json_each(?) AS j CROSS JOIN texts AS t ON t.row = j.value"
_COPIES = (
    "SELECT DISTINCT c.row FROM json_each(?) AS j CROSS JOIN texts AS t ON t.row = j.value "
    "CROSS JOIN texts AS c ON c.hash = t.hash"
)
_CACHE_KIB = 32 << 10

T = TypeVar("T")


class SqliteCorpus:
    """A corpus in a SQLite file (implements `tyrogue.protocols.Corpus`).

    Reads are safe from any thread and while another process appends: each call borrows a read-only connection
    of its own, and what is appended is seen by the next call.

    Args:
        path: the project's pool.sqlite.

    Raises:
        BadInput: there is no such file.
        NewerProject: a newer version of tyrogue made it.
        ProjectError: it is damaged or no pool.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        if not self.path.is_file():
            raise BadInput(
                f"{self.path} does not exist: the project has no texts yet.", remedy="Import some: tyrogue import FILE."
            )
        self._idle = _Idle(self.path)
        self._index = SearchIndex(self.path.with_name("search.sqlite"))
        with self._reading() as db:
            schema.refuse_newer(self.path, schema.about(db))

    def __len__(self) -> int:
        with self._reading() as db:
            return int(db.execute("SELECT coalesce(max(row) + 1, 0) FROM texts").fetchone()[0])

    def texts(self, rows: Rows) -> list[Text]:
        """Gives the texts (or pairs) of these rows, in this order."""
        with self._reading() as db:
            found = {
                row: text if pair is None else (text, pair) for row, text, pair in db.execute(_TEXTS, (_ask(rows),))
            }
        return self._in_order(found, rows)

    def duplicates(self, rows: Rows) -> Rows:
        """Gives the other rows that hold exactly one of these texts, sorted."""
        if not len(rows):
            return NO_ROWS
        with self._reading() as db:
            copies = np.fromiter((row for (row,) in db.execute(_COPIES, (_ask(rows),))), np.int64)
        return np.setdiff1d(copies, rows)

    def copies(self, row: int) -> int:
        """Gives how many other rows hold exactly the text of this one."""
        query = "SELECT count(*) - 1 FROM texts WHERE hash = (SELECT hash FROM texts WHERE row = ?)"
        with self._reading() as db:
            count = int(db.execute(query, (int(row),)).fetchone()[0])
        if count < 0:
            raise self._no_row(int(row))
        return count

    def record(self, row: int) -> Record:
        """Gives a row with its id, extra columns and gold label."""
        return self.records([row])[0]

    def records(self, rows: Rows | Sequence[int]) -> list[Record]:
        """Gives rows with ids, extra columns and gold labels, in this order."""
        rows = as_rows(rows)
        with self._reading() as db:
            found = {
                row: Record(row, own, text, pair, json.loads(meta) if meta else {}, gold)
                for row, own, text, pair, meta, gold in db.execute(_RECORDS, (_ask(rows),))
            }
        return self._in_order(found, rows)

    def gold(self, rows: Rows | Sequence[int]) -> list[str | None]:
        """Gives the labels that came with these rows; None where none came."""
        return self._column("gold", as_rows(rows))

    def gold_names(self) -> list[str]:
        """Gives the classes of the gold labels: in the order the source declares them, else sorted."""
        with self._reading() as db:
            seen = {name for (name,) in db.execute("SELECT DISTINCT gold FROM texts WHERE gold IS NOT NULL")}
            declared = schema.about(db).get("classes", [])
        return [name for name in declared if name in seen] + sorted(seen - set(declared))

    @property
    def has_gold(self) -> bool:
        """Whether any row came with a label; does not look at every row."""
        with self._reading() as db:
            return bool(db.execute("SELECT EXISTS (SELECT 1 FROM texts WHERE gold IS NOT NULL)").fetchone()[0])

    def gold_counts(self) -> dict[str, int]:
        """Gives how many rows came with each gold label, in the order of `gold_names`."""
        with self._reading() as db:
            counts = dict(db.execute("SELECT gold, count(*) FROM texts WHERE gold IS NOT NULL GROUP BY gold"))
        return {name: counts[name] for name in self.gold_names() if name in counts}

    def token_lengths(self, rows: Rows | Sequence[int]) -> Rows:
        """Gives the lengths in tokens, measured at import; -1 where they were not."""
        return as_rows([-1 if n is None else n for n in self._column("tokens", as_rows(rows))])

    def rows_of_ids(self, ids: Sequence[str]) -> Rows:
        """Gives the rows that carry the user's ids, in this order.

        Raises:
            BadInput: an id is not in the pool.
        """
        query = "SELECT t.id, t.row FROM json_each(?) AS j CROSS JOIN texts AS t ON t.id = j.value"
        with self._reading() as db:
            found = dict(db.execute(query, (json.dumps([str(i) for i in ids]),)))
        missing = [i for i in ids if i not in found]
        if missing:
            raise BadInput(
                f"{len(missing)} of {len(ids)} ids are not in the project; the first is {missing[0]!r}.",
                remedy="Ids are compared letter by letter, as they were imported.",
            )
        return as_rows([found[i] for i in ids])

    @property
    def reference(self) -> Rows:
        """The uniform sample that was kept aside at import, sorted; read-only."""
        with self._reading() as db:
            return frozen(as_rows([row for (row,) in db.execute("SELECT row FROM reference ORDER BY row")]))

    @property
    def pair(self) -> bool:
        """Whether the texts are pairs."""
        with self._reading() as db:
            return bool(schema.about(db).get("pair", False))

    def search(self, query: str, limit: int = 20, offset: int = 0, *, among: Rows | None = None) -> tuple[Rows, int]:
        """Gives (rows, total): a page of the rows that hold all words of the query, best first, and their number.

        "Quoted words" must stand next to one another; the last word may go on. No query is wrong. Texts in
        scripts without blanks, and signs, are found letter by letter.

        Args:
            among: look for these rows only.
        """
        expression, some = match_expression(query), None if among is None else _ask(among)
        if expression is None:
            return self._scan(query.replace("\0", "").strip(), limit, offset, some)
        rows = len(self)
        found = self._index.find(expression, rows, limit, offset, some)
        if found is None:
            try:
                self.index_search()
            except sqlite3.OperationalError:  # a read-only directory, a full disk: slower, not impossible
                return self._scan(query.strip(), limit, offset, some)
            found = self._index.find(expression, rows, limit, offset, some) or ([], 0)
        return as_rows(found[0]), found[1]

    def index_search(self) -> None:
        """Brings the search index up to date; `search` does it by itself when it is not."""
        try:
            self._index.update(len(self), self._texts_between)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            self._index.path.unlink()  # damaged, and only a copy: make it anew
            self._index.update(len(self), self._texts_between)

    def close(self) -> None:
        """Closes the connections; the next call opens new ones."""
        self._idle.close()

    def _scan(self, query: str, limit: int, offset: int, among: str | None) -> tuple[Rows, int]:
        if not query:
            return NO_ROWS, 0
        where = "WHERE (instr(text, :q) OR instr(coalesce(text_pair, ''), :q))"
        where += "" if among is None else f" AND row IN {AMONG}"
        page = {"q": query, "limit": limit, "offset": offset, "among": among}
        with self._reading() as db:
            total = db.execute(f"SELECT count(*) FROM texts {where}", page).fetchone()[0]
            hits = db.execute(f"SELECT row FROM texts {where} ORDER BY row LIMIT :limit OFFSET :offset", page)
            return as_rows([row for (row,) in hits]), int(total)

    def _texts_between(self, first: int, end: int) -> Iterator[tuple[int, str]]:
        query = "SELECT row, text, text_pair FROM texts WHERE row >= ? AND row < ? ORDER BY row"
        with self._reading() as db:
            for row, text, pair in db.execute(query, (first, end)):
                yield row, text if pair is None else f"{text}\n{pair}"

    def _column(self, name: str, rows: Rows) -> list[Any]:
        with self._reading() as db:
            found = dict(db.execute(_COLUMN.format(name), (_ask(rows),)))
        return self._in_order(found, rows)

    def _in_order(self, found: dict[int, T], rows: Rows) -> list[T]:
        try:
            return [found[row] for row in rows.tolist()]
        except KeyError as error:
            raise self._no_row(error.args[0]) from None

    def _no_row(self, row: int) -> UsageError:
        return UsageError(f"Row {row} is not in {self.path} ({len(self)} rows, from 0).")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._damage_explained():
            db = self._idle.take()
            try:
                yield db
            except BaseException:
                db.close()
                raise
            self._idle.give(db)

    @contextmanager
    def _damage_explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "no such table" not in str(error):
                raise  # busy, full, not readable: the file itself is fine
            raise ProjectError(
                f"{self.path} is damaged or not a pool ({error}). Import the texts again, or restore a copy."
            ) from error


class _Idle:
    """Connections that nobody uses just now. A call borrows one, so no two threads ever share one."""

    def __init__(self, path: Path) -> None:
        self._path, self._pid, self._lock = path, os.getpid(), threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        weakref.finalize(self, _close_all, self._connections)

    def take(self) -> sqlite3.Connection:
        with self._lock:
            if self._pid != os.getpid():  # after a fork the connections are the parent's: SQLite forbids their use
                self._connections, self._pid = [], os.getpid()
            if self._connections:
                return self._connections.pop()
        return _connect(self._path)

    def give(self, db: sqlite3.Connection) -> None:
        with self._lock:
            self._connections.append(db)

    def close(self) -> None:
        with self._lock:
            _close_all(self._connections)


def _close_all(connections: list[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()


def _connect(path: Path) -> sqlite3.Connection:
    uri = path.as_uri()
    writable = os.access(path.parent, os.W_OK)
    # A pool on read-only media cannot have the files that SQLite needs to watch for writers; there are none either.
    mode = "mode=ro" if writable else "mode=ro&immutable=1"
    db = sqlite3.connect(f"{uri}?{mode}", uri=True, timeout=60, check_same_thread=False, isolation_level=None)
    try:
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def _ask(rows: Rows) -> str:
    # In the order of the file, each row once.
    return json.dumps(np.unique(rows).tolist())

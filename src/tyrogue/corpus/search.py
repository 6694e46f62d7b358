"""Full-text search over the pool: an FTS5 index in a file of its own, which may be deleted at any time.

It is apart from the pool so that the pool is only read while people label, and so that a first search
brings the index up to date by itself (about 5 s for a million short texts).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

Fetch = Callable[[int, int], Iterator[tuple[int, str]]]
"""Gives (row, text) of the rows from the first up to, but not including, the second number."""

RANKED = 20_000
"""With more hits than this they come in the order of the pool, not by relevance: sorting them would be slow."""

AMONG = "(SELECT value FROM json_each(:among))"
"""The rows of a JSON array, in a statement."""

# Scripts written without blanks between words: the index knows only whole runs of them, so these are searched
# letter by letter instead.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
_PHRASE_OR_WORD = re.compile(r'"([^"]+)"|(\S+)')
_HASH_BYTES = 64 << 20  # FTS5 holds this much of a new index in memory before it writes a piece


def match_expression(query: str) -> str | None:
    """Gives the FTS5 expression for what a person typed, None where words are no use (scripts without blanks, signs).

    All words must occur, "quoted words" next to one another, the last word may go on: nothing that is typed is
    an operator, so nothing can be wrong.
    """
    query = query.replace("\0", " ")
    parts = [phrase or word for phrase, word in _PHRASE_OR_WORD.findall(query)]
    parts = [part for part in parts if any(letter.isalnum() for letter in part)]
    if not parts or _UNSPACED.search(query):
        return None
    quoted = ['"' + part.replace('"', '""') + '"' for part in parts]
    goes_on = not query.rstrip().endswith('"') and query.rstrip() == query
    return " ".join(quoted) + ("*" if goes_on else "")


class SearchIndex:
    """The index in one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def update(self, rows: int, fetch: Fetch) -> None:
        """Indexes the rows of the pool that are not indexed yet, in one transaction."""
        with closing(self._connect()) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                db.execute("CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, content='')")
                db.execute("CREATE TABLE IF NOT EXISTS state (rows INTEGER NOT NULL)")
                done = _done(db)
                if done < rows:
                    db.execute("INSERT INTO words(words, rank) VALUES ('hashsize', ?)", (_HASH_BYTES,))
                    db.executemany("INSERT INTO words(rowid, text) VALUES (?, ?)", fetch(done, rows))
                    db.execute("DELETE FROM state")
                    db.execute("INSERT INTO state VALUES (?)", (rows,))
                db.execute("COMMIT")
            except BaseException:
                db.rollback()
                raise

    def find(
        self, expression: str, rows: int, limit: int, offset: int, among: str | None = None
    ) -> tuple[list[int], int] | None:
        """Gives (rows, total), best first; None when the index does not know all `rows` of the pool yet.

        Args:
            among: the only rows that are looked for, as a JSON array; None for all.
        """
        if not self.path.exists():
            return None
        with closing(self._connect()) as db:
            try:
                if _done(db) < rows:
                    return None
                # The plus keeps SQLite from asking the index anew for each of these rows.
                wanted = "words MATCH :words" + ("" if among is None else f" AND +rowid IN {AMONG}")
                asked = {"words": expression, "among": among, "limit": limit, "offset": offset}
                total = db.execute(f"SELECT count(*) FROM words WHERE {wanted}", asked).fetchone()[0]
                order = "rank" if total <= RANKED else "rowid"
                hits = db.execute(
                    f"SELECT rowid FROM words WHERE {wanted} ORDER BY {order} LIMIT :limit OFFSET :offset", asked
                )
                return [row for (row,) in hits], total
            except sqlite3.DatabaseError:  # damaged or half made: whoever asked makes it anew
                return None

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=60, isolation_level=None)


def _done(db: sqlite3.Connection) -> int:
    known = db.execute("SELECT rows FROM state").fetchone()
    return int(known[0]) if known else 0

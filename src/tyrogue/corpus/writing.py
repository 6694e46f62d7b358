"""Filling pool.sqlite: all of an import or nothing of it, and only ever more rows."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tyrogue.corpus import schema
from tyrogue.corpus.durable import full_disk_explained, rename
from tyrogue.corpus.records import Entry
from tyrogue.errors import TyrogueError
from tyrogue.types import Text

REFERENCE = 2_000
REFERENCE_SHARE = 0.1
_INSERT = "INSERT INTO texts (row, id, text, text_pair, meta, gold, tokens, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_CACHE_KIB = 64 << 10
_MEASURED_AT_ONCE = 5_000
_SHOWN_IDS = 3

Numbered = tuple[int, Entry]
"""An entry with the line of the source it comes from."""


class RepeatedId(TyrogueError):
    """Two lines of one source carry the same id. For the importer, which knows the other line."""

    def __init__(self, own_id: str, line: int) -> None:
        super().__init__(f"Id {own_id!r} occurs again in line {line}.")
        self.own_id, self.line = own_id, line


class PoolWriter:
    """One import into a pool, as a context: commits in `finish`, leaves the old state behind otherwise.

    A new pool is built beside its final name and renamed; an old one is appended to in one transaction, which
    readers do not see before it is over.

    Attributes:
        first: the first new row.
        rows: number of new rows so far.
        known: rows of the source that the pool has already.
        changed: rows whose id the pool has with another text; they are not imported. `changed_ids` are the first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fresh = not path.exists()
        self._partial = path.with_name(path.name + ".partial")
        self.first = self.rows = self.known = self.changed = 0
        self.changed_ids: list[str] = []
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> PoolWriter:
        with full_disk_explained(self.path):
            if self.fresh:
                self._partial.unlink(missing_ok=True)  # of an import that was killed
            self._db = sqlite3.connect(self._partial if self.fresh else self.path, timeout=60, isolation_level=None)
            try:
                self._begin()
            except BaseException:
                self._abandon()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._abandon()

    def add(self, batch: Sequence[Numbered]) -> None:
        """Takes the entries that are new.

        Raises:
            RepeatedId: the source has an id twice.
        """
        new = (
            [entry for line, entry in batch if self._is_new(line, entry)]
            if self._must_look(batch)
            else [e for _, e in batch]
        )
        start = self.first + self.rows
        with full_disk_explained(self.path):
            self._db.executemany(
                _INSERT,
                (
                    (row, e.id, e.text, e.text_pair, e.meta, e.gold, e.tokens, e.hash)
                    for row, e in enumerate(new, start)
                ),
            )
        self.rows += len(new)

    def finish(self, *, source: str, reference: int, seed: int, facts: Mapping[str, Any]) -> None:
        """Makes the indexes, draws the reference sample and commits."""
        with full_disk_explained(self.path):
            for index in schema.INDEXES:
                self._db.execute(index)
            sample = self._grow_reference(reference, seed) if self.rows else 0
            finished = datetime.now(UTC).isoformat(timespec="seconds")
            self._db.execute(
                "INSERT INTO imports VALUES (?, ?, ?, ?, ?)", (self.first, self.rows, sample, source, finished)
            )
            schema.remember(self._db, **facts)
            self.duplicates = self._count_duplicates()
            self._db.execute("COMMIT")
            self._publish()

    def gold_counts(self) -> dict[str, int]:
        """Gives how many rows of the pool carry each gold label."""
        return dict(self._db.execute("SELECT gold, count(*) FROM texts WHERE gold IS NOT NULL GROUP BY gold"))

    def cut(self, max_tokens: int | None) -> int:
        """Gives how many new rows are longer than the model reads."""
        query = "SELECT count(*) FROM texts WHERE row >= ? AND tokens > ?"
        return 0 if max_tokens is None else int(self._db.execute(query, (self.first, max_tokens)).fetchone()[0])

    def _begin(self) -> None:
        self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if self.fresh:
            # Nobody reads the new file and a crash throws it away, so it needs no journal; `_publish` syncs it.
            self._db.execute("PRAGMA journal_mode = OFF")
            self._db.execute("PRAGMA synchronous = OFF")
            self._db.execute("BEGIN")
            for table in schema.TABLES:
                self._db.execute(table)
        else:
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("CREATE TEMP TABLE seen (hash BLOB PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID")
            self._db.execute("BEGIN IMMEDIATE")
            self.facts = schema.about(self._db)
            schema.refuse_newer(self.path, self.facts)
            self.first = int(self._db.execute("SELECT coalesce(max(row) + 1, 0) FROM texts").fetchone()[0])

    def _must_look(self, batch: Sequence[Numbered]) -> bool:
        """Whether an entry may be there already; fetches what the pool has under the ids of the batch."""
        ids = [entry.id for _, entry in batch if entry.id is not None]
        query = "SELECT t.id, t.row, t.hash FROM json_each(?) AS j CROSS JOIN texts AS t ON t.id = j.value"
        found = self._db.execute(query, (json.dumps(ids),)) if ids else ()
        self._by_id = {own: (row, content) for own, row, content in found}
        return bool(self.first or self._by_id or len(set(ids)) < len(ids))

    def _is_new(self, line: int, entry: Entry) -> bool:
        if entry.id is None:
            if not self.first or self._occurrence(entry.hash) > self._stored(entry.hash):
                return True
        elif entry.id not in self._by_id:
            self._by_id[entry.id] = (self.first + self.rows, entry.hash)
            return True
        else:
            row, content = self._by_id[entry.id]
            if row >= self.first:
                raise RepeatedId(entry.id, line)
            if content != entry.hash:
                self.changed += 1
                self.changed_ids += [entry.id] if self.changed <= _SHOWN_IDS else []
                return False
        self.known += 1
        return False

    def _occurrence(self, content: bytes) -> int:
        """Counts the times the source has had this text by now."""
        query = "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1 RETURNING n"
        return int(self._db.execute(query, (content,)).fetchone()[0])

    def _stored(self, content: bytes) -> int:
        query = "SELECT count(*) FROM texts WHERE hash = ? AND row < ?"
        return int(self._db.execute(query, (content, self.first)).fetchone()[0])

    def _grow_reference(self, size: int, seed: int) -> int:
        """Draws new rows into the reference sample at the rate of the old ones, so that it stays uniform.

        Old rows never join: somebody may have labeled them. While the sample is smaller than `size` the rate is
        what is needed to reach it.
        """
        before = int(self._db.execute("SELECT count(*) FROM reference").fetchone()[0])
        total = self.first + self.rows
        room = min(size, int(total * REFERENCE_SHARE)) - before
        at_rate = int(self.rows * before / self.first) if self.first and size else 0
        take = min(max(room, at_rate), self.rows, max(0, int(total * REFERENCE_SHARE) - before))
        rng = np.random.default_rng([seed, self.first])
        chosen = self.first + np.sort(rng.choice(self.rows, size=max(take, 0), replace=False))
        self._db.executemany("INSERT INTO reference VALUES (?)", ((row,) for row in chosen.tolist()))
        return len(chosen)

    def _count_duplicates(self) -> int:
        """Counts the new rows whose text is in an earlier row."""
        query = (
            "SELECT count(*) FROM texts AS t WHERE t.row >= ? AND EXISTS "
            "(SELECT 1 FROM texts AS o WHERE o.hash = t.hash AND o.row < t.row)"
        )
        return int(self._db.execute(query, (self.first,)).fetchone()[0])

    def _publish(self) -> None:
        # With a write-ahead log readers go on reading while a later import appends.
        self._db.execute("PRAGMA journal_mode = WAL")
        if not self.fresh:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        self._db.close()
        with self._partial.open("rb+") as file:
            os.fsync(file.fileno())
        for stale in ("pool.sqlite-wal", "pool.sqlite-shm", "search.sqlite"):  # of a pool that was deleted by hand
            self.path.with_name(stale).unlink(missing_ok=True)
        rename(self._partial, self.path)

    def _abandon(self) -> None:
        with suppress(sqlite3.Error):
            self._db.rollback()
        self._db.close()
        if self.fresh:
            for ending in ("", "-wal", "-shm", "-journal"):
                self._partial.with_name(self._partial.name + ending).unlink(missing_ok=True)


def measure(path: Path, token_lengths: Callable[[list[Text]], Sequence[int]], max_tokens: int) -> int:
    """Stores the token lengths that the pool lacks; gives how many texts are longer than `max_tokens`.

    For projects that were imported in a hurry: small transactions, so it may run while people label.
    """
    query = "SELECT row, text, text_pair FROM texts WHERE tokens IS NULL AND row >= ? ORDER BY row LIMIT ?"
    db = sqlite3.connect(path, timeout=60, isolation_level=None)
    try:
        next_row = 0
        while missing := db.execute(query, (next_row, _MEASURED_AT_ONCE)).fetchall():
            lengths = token_lengths([text if pair is None else (text, pair) for _, text, pair in missing])
            db.execute("BEGIN IMMEDIATE")
            db.executemany(
                "UPDATE texts SET tokens = ? WHERE row = ?",
                ((int(length), row) for length, (row, _, _) in zip(lengths, missing, strict=True)),
            )
            db.execute("COMMIT")
            next_row = missing[-1][0] + 1
        schema.remember(db, max_tokens=max_tokens)
        return int(db.execute("SELECT count(*) FROM texts WHERE tokens > ?", (max_tokens,)).fetchone()[0])
    finally:
        db.close()

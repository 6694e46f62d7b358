"""The tables of pool.sqlite and what is remembered about them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import tyrogue
from tyrogue.errors import NewerProject

FORMAT = 1

TABLES = (
    """CREATE TABLE texts (
      row INTEGER PRIMARY KEY,      -- 0 .. n-1, for ever
      text TEXT NOT NULL,
      text_pair TEXT,
      tokens INTEGER,               -- length for the tokenizer that was given, for batching
      gold TEXT,                    -- the label that came with the text
      id TEXT,                      -- the user's own
      hash BLOB NOT NULL,           -- of text and text_pair
      meta TEXT                     -- the other columns, JSON
    )""",
    "CREATE UNIQUE INDEX texts_id ON texts (id) WHERE id IS NOT NULL",
    "CREATE TABLE reference (row INTEGER PRIMARY KEY)",
    "CREATE TABLE imports (first INTEGER, rows INTEGER, reference INTEGER, source TEXT, finished TEXT)",
    "CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
# Made after the first rows are in: sorting once is much faster than inserting at random places.
INDEXES = (
    "CREATE INDEX IF NOT EXISTS texts_hash ON texts (hash)",
    "CREATE INDEX IF NOT EXISTS texts_gold ON texts (gold) WHERE gold IS NOT NULL",
)


def about(db: sqlite3.Connection) -> dict[str, Any]:
    """Gives what is remembered about the pool: format, pair, classes, max_tokens."""
    return {key: json.loads(value) for key, value in db.execute("SELECT key, value FROM about")}


def remember(db: sqlite3.Connection, **facts: Any) -> None:
    """Changes what is remembered about the pool."""
    rows = [(key, json.dumps(value, ensure_ascii=False)) for key, value in facts.items()]
    db.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", rows)


def refuse_newer(path: Path, facts: dict[str, Any]) -> None:
    """Raises NewerProject when a newer version of tyrogue made the pool."""
    if int(facts.get("format", 0)) > FORMAT:
        raise NewerProject(
            f"{path} has format {facts['format']}; tyrogue {tyrogue.__version__} reads up to {FORMAT}. "
            "Upgrade: pip install --upgrade tyrogue"
        )

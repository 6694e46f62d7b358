"""Rounds: opened once, with all that a restart reads instead of drawing again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Select, and_, delete, exists, func, insert, select, true, update

from tyrogue.errors import Conflict, UsageError
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.database import ROW_LOCK, Tx
from tyrogue.store.plain import from_bytes, to_bytes
from tyrogue.store.records import Round
from tyrogue.types import Rows, Stage

r, i = s.rounds, s.items
FACT = "fact:"


class Rounds(Base):
    def open_round(
        self,
        number: int,
        *,
        strategy: str,
        parameters: Mapping[str, Any],
        seed: int,
        mode: str,
        size: int,
        ratio: float | None = None,
    ) -> Round:
        """Gives the round of this number: the stored one if there is one, whatever is asked now."""
        if number < 0 or size < 1:
            raise UsageError(f"Round {number} of {size} texts cannot be: rounds count from 0 and hold at least 1.")
        values = {
            "project_id": self._project_id,
            "number": number,
            "strategy": strategy,
            "parameters": dict(parameters),
            "seed": seed,
            "mode": mode,
            "size": size,
            "ratio": ratio,
            "ranked_with": None,
            "timings": {},
        }
        with self._write() as tx:
            tx.upsert(r, [values | {"opened": tx.now}], keep=True)
            return _one(tx, number)

    def save_stage(self, number: int, candidates: Rows, rows: Rows, facts: Mapping[str, NDArray[Any]]) -> None:
        """Stores the label-independent part of a round; one stored before is replaced as a whole."""
        for name, fact in facts.items():
            if len(fact) != len(rows):
                raise UsageError(f"The fact {name!r} tells of {len(fact)} rows, and the stage has {len(rows)}.")
        parts: dict[str, NDArray[Any]] = {
            "candidates": np.asarray(candidates, np.int64),
            "rows": np.asarray(rows, np.int64),
            **{FACT + name: np.asarray(fact) for name, fact in facts.items()},
        }
        stored = [(part, *to_bytes(array)) for part, array in parts.items()]
        with self._write() as tx:
            _one(tx, number, lock=True)
            tx.run(delete(s.stages).where(s.stages.c.project_id == tx.project, s.stages.c.round == number))
            key = {"project_id": tx.project, "round": number}
            tx.run(insert(s.stages), [key | {"part": p, "format": f, "content": c} for p, f, c in stored])

    def stage(self, number: int) -> Stage | None:
        """Gives the stored stage of a round, arrays read-only; None when there is none."""
        t = s.stages
        with self._read() as tx:
            found = tx.rows(select(t).where(t.c.project_id == tx.project, t.c.round == number))
        if not found:
            return None
        parts = {row.part: from_bytes(row.format, row.content) for row in found}
        facts = {part.removeprefix(FACT): array for part, array in parts.items() if part.startswith(FACT)}
        return Stage(parts["candidates"], parts["rows"], facts)

    def round(self, number: int) -> Round:
        """Gives a round. Raises Conflict when it was not opened."""
        with self._read() as tx:
            return _one(tx, number)

    def rounds(self) -> list[Round]:
        """Gives all rounds by number."""
        with self._read() as tx:
            return [_round(row) for row in tx.rows(_rounds(tx).order_by(r.c.number))]

    def last_round(self) -> Round | None:
        """Gives the round of the highest number; None before the first."""
        with self._read() as tx:
            found = tx.first(_rounds(tx).order_by(r.c.number.desc()).limit(1))
        return None if found is None else _round(found)

    def current_round(self, *, unshown: bool = False) -> Round | None:
        """Gives the round that is being labeled: the first with an item that waits, else the last.

        Args:
            unshown: the round that is being handed out instead: the first with an item that nobody has had in hand.
        """
        waits = i.c.open == true()
        if unshown:
            waits = and_(waits, i.c.served.is_(None))
        with self._read() as tx:
            first = select(func.min(i.c.round)).where(i.c.project_id == tx.project, waits)
            found = tx.first(_rounds(tx).where(r.c.number == first.scalar_subquery()))
        return self.last_round() if found is None else _round(found)

    def change_round(self, number: int, *, ratio: float | None, size: int) -> Round:
        """Gives the round with the dial or its size moved. Its stage goes: it was made for the old ratio."""
        if size < 1:
            raise UsageError(f"A round of {size} texts cannot be: it holds at least 1.")
        with self._write() as tx:
            _one(tx, number, lock=True)
            tx.run(delete(s.stages).where(s.stages.c.project_id == tx.project, s.stages.c.round == number))
            mine = update(r).where(r.c.project_id == tx.project, r.c.number == number)
            tx.run(mine.values(ratio=ratio, size=size))
            return _one(tx, number)

    def time_round(self, number: int, name: str, seconds: float) -> None:
        """Notes how long a part of the round took."""
        with self._write() as tx:
            timings = dict(_one(tx, number, lock=True).timings) | {name: float(seconds)}
            tx.run(update(r).where(r.c.project_id == tx.project, r.c.number == number).values(timings=timings))


def _rounds(tx: Tx) -> Select[Any]:
    t = s.stages
    answered = (
        select(func.count())
        .where(i.c.project_id == r.c.project_id, i.c.round == r.c.number, i.c.decided > 0)
        .correlate(r)
        .scalar_subquery()
    )
    shown = (
        select(func.count())
        .where(i.c.project_id == r.c.project_id, i.c.round == r.c.number, i.c.served.is_not(None))
        .correlate(r)
        .scalar_subquery()
    )
    queued = (
        select(func.count())
        .where(i.c.project_id == r.c.project_id, i.c.round == r.c.number)
        .correlate(r)
        .scalar_subquery()
    )
    staged = exists().where(t.c.project_id == r.c.project_id, t.c.round == r.c.number)
    counted = (answered.label("answered"), shown.label("shown"), queued.label("queued"), staged.label("staged"))
    return select(r, *counted).where(r.c.project_id == tx.project)


def _one(tx: Tx, number: int, *, lock: bool = False) -> Round:
    statement = _rounds(tx).where(r.c.number == number)
    found = tx.first(statement.with_for_update(of=r, **ROW_LOCK) if lock else statement)
    if found is None:
        raise Conflict(f"Round {number} was not opened. Call open_round({number}, ...) first.")
    return _round(found)


def _round(row: Row[Any]) -> Round:
    ratio = row.ratio
    return Round(
        number=row.number,
        strategy=row.strategy,
        parameters=row.parameters,
        seed=row.seed,
        mode=row.mode,
        size=row.size,
        ratio=int(ratio) if ratio is not None and float(ratio).is_integer() else ratio,
        opened=row.opened,
        staged=bool(row.staged),
        ranked_with=row.ranked_with,
        timings=row.timings,
        answered=int(row.answered),
        shown=int(row.shown),
        queued=int(row.queued),
    )

"""Models that were trained: where they lie, and what they had learned by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert, select

from tyrogue.errors import Conflict
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.records import Model

m = s.models


class Models(Base):
    def add_model(
        self,
        version: str,
        *,
        kind: str,
        path: str,
        round: int,
        labels: int,
        train_seconds: float,
        journal_position: int,
        class_ids: Sequence[int],
        metrics: Mapping[str, Any],
    ) -> Model:
        """Gives the model's record. Adding the same version again gives the first one.

        Raises:
            Conflict: a model of this version lies elsewhere.
        """
        values = {
            "project_id": self._project_id,
            "version": version,
            "kind": kind,
            "path": path,
            "round": round,
            "labels": labels,
            "train_seconds": train_seconds,
            "journal_position": journal_position,
            "class_ids": [int(id) for id in class_ids],
            "metrics": dict(metrics),
        }
        with self._write() as tx:
            tx.lock()
            mine = select(m).where(m.c.project_id == tx.project, m.c.version == version)
            found = tx.first(mine)
            if found is None:
                tx.run(insert(m).values(**values, created=tx.now))
                found = tx.rows(mine)[0]
            if found.path != path:
                raise Conflict(f"Model {version} is stored in {found.path}, not in {path}. Versions must differ.")
            return _model(found)

    def models(self) -> list[Model]:
        """Gives all models, oldest first."""
        with self._read() as tx:
            return [_model(row) for row in tx.rows(select(m).where(m.c.project_id == tx.project).order_by(m.c.id))]

    def current_model(self) -> Model | None:
        """Gives the model that was added last; None before the first."""
        with self._read() as tx:
            found = tx.first(select(m).where(m.c.project_id == tx.project).order_by(m.c.id.desc()).limit(1))
        return None if found is None else _model(found)


def _model(row: Row[Any]) -> Model:
    return Model(
        version=row.version,
        kind=row.kind,
        path=row.path,
        round=row.round,
        labels=row.labels,
        train_seconds=row.train_seconds,
        journal_position=row.journal_position,
        class_ids=tuple(row.class_ids),
        metrics=row.metrics,
        created=row.created,
    )

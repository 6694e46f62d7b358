"""Stores with one mistake each: the contract and the machine must catch every one of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import delete, text

from tyrogue.errors import ProjectError
from tyrogue.store import Annotation, Item, NewItem, Store
from tyrogue.store import schema as s
from tyrogue.testing.store_machine import store_machine
from tyrogue.testing.stores import STORE_CONTRACT, Bench, Clock

SETTINGS = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate],  # finding the mistake is enough; shrinking it takes long
    report_multiple_bugs=False,
)


class RecordsTwice(Store):
    """A token sent again is recorded again."""

    def annotate(self, *, token: str, **values: Any) -> Annotation:
        return super().annotate(token=f"{token} {self.journal_position()}", **values)


class LeasesTwice(Store):
    """Whoever asks gets what others have in hand."""

    def reserve(self, annotator: str, n: int, *, lease_seconds: float = 600) -> list[Item]:
        with self._write() as tx:
            others = [one.id for one in self.annotators() if one.name != annotator]
            tx.run(delete(s.reservations).where(s.reservations.c.annotator_id.in_(others)))
        return super().reserve(annotator, n, lease_seconds=lease_seconds)


class UndoDeletes(Store):
    """Undo removes the record instead of appending one."""

    def undo(
        self, *, token: str, annotator: str, lease_seconds: float = 600, expected: str | None = None
    ) -> tuple[Annotation, Item] | None:
        undone = super().undo(token=token, annotator=annotator, lease_seconds=lease_seconds, expected=expected)
        if undone is not None:
            with self._write() as tx:
                _permit(tx.connection, self._database.sqlite)
                number = undone[0].id
                tx.run(delete(s.journal).where(s.journal.c.project_id == tx.project, s.journal.c.undoes == number))
                tx.run(delete(s.journal).where(s.journal.c.project_id == tx.project, s.journal.c.id == number))
        return undone


class ForgetsLeases(Store):
    """A lease never ends."""

    def reserve(self, annotator: str, n: int, *, lease_seconds: float = 600) -> list[Item]:
        return super().reserve(annotator, n, lease_seconds=1e6)


class ReplacesAll(Store):
    """A better ranking also replaces what somebody has seen."""

    def enqueue(
        self, round_number: int, items: Sequence[NewItem], *, replace: bool = False, limit: int | None = None
    ) -> int:
        if replace:
            with self._write() as tx:
                i = s.items
                tx.run(delete(s.reservations).where(s.reservations.c.project_id == tx.project))
                tx.run(i.update().where(i.c.project_id == tx.project, i.c.decided == 0).values(served=None))
        return super().enqueue(round_number, items, replace=replace, limit=limit)


class SkipsComeBack(Store):
    """A skipped item opens again."""

    def annotate(self, *, action: str, **values: Any) -> Annotation:
        done = super().annotate(action=action, **values)
        if action == "skip":
            with self._write() as tx:
                tx.run(s.items.update().where(s.items.c.id == done.item).values(open=True, decided=0))
        return done


def _permit(connection: Any, sqlite: bool) -> None:
    if sqlite:
        connection.execute(text("DROP TRIGGER IF EXISTS annotations_no_delete"))
    else:
        connection.execute(text("SET LOCAL session_replication_role = replica"))


MISTAKES = [RecordsTwice, LeasesTwice, UndoDeletes, ForgetsLeases, ReplacesAll, SkipsComeBack]


@pytest.mark.parametrize("mistaken", MISTAKES)
def test_the_contract_catches(mistaken: type[Store], memory: Path) -> None:
    caught = [check.__name__ for check in STORE_CONTRACT if not _passes(check, mistaken, memory)]
    assert caught


@pytest.mark.parametrize("mistaken", MISTAKES)
def test_the_machine_catches(mistaken: type[Store], memory: Path) -> None:
    machine = store_machine(lambda: _bench(mistaken, memory))
    with pytest.raises((AssertionError, ProjectError)):  # the schema refuses some mistakes before they are seen
        run_state_machine_as_test(machine, settings=SETTINGS)


def _passes(check: Callable[[Bench], None], kind: type[Store], folder: Path) -> bool:
    try:
        check(_bench(kind, folder))
    except AssertionError:
        return False
    return True


def _bench(kind: type[Store], folder: Path) -> Bench:
    clock, project, url = Clock(), uuid.uuid4().hex, f"sqlite:///{folder / 'project.db'}"
    return Bench(open=lambda: kind.open(url, project, clock=clock), new_item=NewItem, clock=clock)

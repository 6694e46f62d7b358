from __future__ import annotations

import uuid
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tyrogue.store import NewItem, Store
from tyrogue.testing.store_machine import store_machine
from tyrogue.testing.stores import Bench, Clock

SETTINGS = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def test_sqlite_does_what_the_model_does(memory: Path) -> None:
    _compare(f"sqlite:///{memory / 'project.db'}")


def test_postgresql_does_what_the_model_does(postgres: str) -> None:
    _compare(postgres)


def _compare(url: str) -> None:
    def bench() -> Bench:
        clock, project = Clock(), uuid.uuid4().hex
        return Bench(open=lambda: Store.open(url, project, clock=clock), new_item=NewItem, clock=clock)

    run_state_machine_as_test(store_machine(bench), settings=SETTINGS)

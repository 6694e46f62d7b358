from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tyrogue.store import Store
from tyrogue.testing.store_machine import store_machine
from tyrogue.testing.stores import Bench

SETTINGS = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def test_store_does_what_the_paper_model_does(new_bench: Callable[[type[Store]], Bench]) -> None:
    run_state_machine_as_test(store_machine(lambda: new_bench(Store)), settings=SETTINGS)

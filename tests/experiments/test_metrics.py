from __future__ import annotations

import csv
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tyrogue.errors import UsageError
from tyrogue.experiments import metrics


@pytest.mark.parametrize(
    ("costs", "printed"),
    [
        ([1000, 1000, 1000, 1000, 900], (980.0, 49.7)),
        ([1000, 1000, 1000, 1000, 950], (990.0, 24.8)),
        ([150, 150, 200, 200, 200], (180.0, 30.4)),
        ([450, 800, 800, 900, 900], (770.0, 206.3)),
    ],
)
def test_published_intervals(costs: list[float], printed: tuple[float, float]) -> None:
    assert metrics.published_interval(costs) == printed


def test_the_published_numbers_are_in_the_table_that_is_shipped() -> None:
    with (files("tyrogue.experiments") / "paper" / "table2_labeling_cost.csv").open(encoding="utf-8") as lines:
        pairs = {(row["labeling_cost"], row["ci95_half_width"]) for row in csv.DictReader(lines)}
    assert {("980.0", "49.7"), ("180.0", "30.4"), ("770.0", "206.3")} <= pairs


def test_only_a_cell_where_every_run_failed_is_left_empty() -> None:
    assert metrics.published_interval([1000] * 5) is None
    assert metrics.published_interval([1000] * 4 + [900]) is not None


def test_published_cost_is_strict_free_of_the_first_batch_and_forgiving() -> None:
    full = 0.9
    every = [50, 100, 150, 200]
    assert metrics.published_cost(every[:1], [0.9], full, 0.85) == 0  # crossing at the first evaluation costs nothing
    assert metrics.published_cost(every[:2], [0.765, 0.7651], full, 0.85) == 50  # exactly on the bar is not above it
    assert metrics.published_cost(every, [0.1, 0.2, 0.8, 0.1], full, 0.85) == 100  # the fall afterwards is ignored
    assert metrics.published_cost(every[:2], [0.1, 0.2], full, 0.85) == 1000
    assert metrics.published_cost([100, 300], [0.1, 0.9], full, 0.85) == 250  # evaluated now and then: labels count


def test_sustained_cost_wants_two_in_a_row_and_interpolates() -> None:
    labels = [50, 100, 150, 200]
    assert metrics.sustained_cost(labels, [0.5, 0.7, 0.8, 0.9], 0.75) == (125.0, False)
    assert metrics.sustained_cost(labels, [0.5, 0.8, 0.5, 0.9], 0.75) == (200.0, True)  # never two in a row
    assert metrics.sustained_cost(labels, [0.8, 0.8, 0.5, 0.5], 0.75) == (50.0, False)  # there from the start
    assert metrics.sustained_cost(labels, [0.8, 0.5, 0.7, 0.8], 0.75) == (200.0, True)  # the last is not confirmed


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20), st.floats(0.01, 1))
def test_sustained_cost_agrees_with_a_walk_along_the_curve(f1: list[float], bar: float) -> None:
    labels = [50.0 * (i + 1) for i in range(len(f1))]
    expected = (labels[-1], True)
    for i in range(len(f1) - 1):
        if f1[i] >= bar and f1[i + 1] >= bar:
            at = labels[i] if i == 0 else float(np.interp(bar, [f1[i - 1], f1[i]], [labels[i - 1], labels[i]]))
            expected = (at, False)
            break
    got = metrics.sustained_cost(labels, f1, bar)
    assert got.censored == expected[1]
    assert got.labels == pytest.approx(expected[0])


def test_a_curve_of_two_lengths_is_refused() -> None:
    with pytest.raises(UsageError, match="as many labels as scores"):
        metrics.sustained_cost([50, 100], [0.5], 0.4)


@given(st.lists(st.floats(0, 1000), min_size=2, max_size=12))
def test_mean_interval_is_the_t_interval_of_scipy(values: list[float]) -> None:
    got = metrics.mean_interval(values)
    error = stats.sem(values)
    half = stats.t.interval(0.95, len(values) - 1, 0, error)[1] if error > 0 else 0.0
    assert got.mean == pytest.approx(np.mean(values))
    assert got.half == pytest.approx(half)


def test_one_run_has_no_interval() -> None:
    assert metrics.mean_interval([3.0]).mean == 3.0
    assert np.isnan(metrics.mean_interval([3.0]).half)
    assert np.isnan(metrics.mean_interval([]).mean)


def test_area_is_the_mean_height() -> None:
    assert metrics.area([50, 100, 150], [0.4, 0.6, 0.8]) == pytest.approx(0.6)
    assert metrics.area([50, 100, 200], [0.0, 1.0, 1.0]) == pytest.approx((0.5 * 50 + 100) / 150)
    assert metrics.area([50], [0.4]) == 0.4

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tyrogue.experiments import compare

SCORES: compare.Scores = {
    "good": {("a", 0): 0.9, ("a", 1): 0.8, ("b", 0): 0.7, ("b", 1): 0.7},
    "plain": {("a", 0): 0.8, ("a", 1): 0.7, ("b", 0): 0.7, ("b", 1): 0.6},
    "late": {("a", 0): 0.85, ("b", 0): 0.9},
}


def test_only_common_cells_are_paired() -> None:
    by_dataset = compare.paired(SCORES, "late", "good")
    assert {name: values.tolist() for name, values in by_dataset.items()} == {
        "a": [pytest.approx(-0.05)],
        "b": [pytest.approx(0.2)],
    }


def test_win_matrix_counts_ties_half() -> None:
    wins = compare.win_matrix(SCORES, ["good", "plain"])
    assert wins[0, 1] == pytest.approx(3.5 / 4)
    assert wins[1, 0] == pytest.approx(0.5 / 4)
    assert np.isnan(wins[0, 0])


def test_mean_ranks_over_cells_that_all_have() -> None:
    # Cell (a, 0): good .9, late .85, plain .8; cell (b, 0): late .9, then good and plain share 2.5.
    assert compare.mean_ranks(SCORES) == {"good": 1.75, "late": 1.5, "plain": 2.75}


def test_regret_is_zero_for_the_best_of_each_dataset() -> None:
    regret = compare.regrets(SCORES)
    assert regret["good"]["a"] == 0
    assert regret["late"]["b"] == 0
    # "late" is far ahead in b, with one seed of two: that is no bar for those with both.
    assert regret["plain"]["b"] == pytest.approx(0.05)


def test_regret_to_rivals_known_afterwards_is_its_formula() -> None:
    regret = compare.hindsight_regrets(SCORES, ["good", "late"])
    # dataset a: "late" has seed 0 only, .9 against .85; "plain" is 0.1 below "good" over both seeds.
    assert regret["late"] == {"a": pytest.approx(0.05), "b": pytest.approx(0.0)}
    assert regret["good"] == {"a": pytest.approx(0.0), "b": pytest.approx(0.2)}
    assert regret["plain"] == {"a": pytest.approx(0.1), "b": pytest.approx(0.2)}
    best = {"best": {cell: score + 0.3 for cell, score in SCORES["good"].items()}}
    assert compare.hindsight_regrets({**SCORES, **best}, ["good"])["best"] == pytest.approx({"a": -0.3, "b": -0.3})


def holm_by_rejection(p_values: list[float], level: float) -> list[bool]:
    """The procedure itself: test the smallest at level/m, the next at level/(m-1), stop at the first failure."""
    rejected = [False] * len(p_values)
    for step, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[i] * (len(p_values) - step) > level:
            break
        rejected[i] = True
    return rejected


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.5))
def test_holm_rejects_what_the_procedure_rejects(p_values: list[float], level: float) -> None:
    assert [p <= level for p in compare.holm(p_values)] == holm_by_rejection(p_values, level)


def test_holm_by_hand() -> None:
    assert compare.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_bootstrap_mean_and_interval() -> None:
    rng = np.random.default_rng(0)
    seeds = range(200)
    noise = rng.normal(0, 0.02, 200)
    ahead: compare.Scores = {
        "x": {("d", s): 0.5 + noise[s] + 0.01 for s in seeds},
        "y": {("d", s): 0.5 for s in seeds},
    }
    got = compare.paired_bootstrap(ahead, "x", "y", np.random.default_rng(1))
    assert got is not None
    values = noise + 0.01
    half = 1.96 * values.std(ddof=1) / np.sqrt(200)  # the normal interval, near enough at n = 200
    assert got.mean == pytest.approx(values.mean())
    assert got.low == pytest.approx(values.mean() - half, abs=2e-4)
    assert got.high == pytest.approx(values.mean() + half, abs=2e-4)
    assert got.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=1e-3)


def test_sign_flips_by_hand() -> None:
    """Two datasets of two seeds: of the 16 sign patterns, two are as extreme as all positive."""
    groups = [np.array([1.0, 2.0]), np.array([3.0, 0.5])]
    assert compare.sign_flip_p(groups, np.random.default_rng(0)) == 2 / 16


@given(st.lists(st.integers(-8, 8), min_size=2, max_size=8))
def test_sign_flips_agree_with_scipy(values: list[int]) -> None:
    exact = stats.permutation_test((np.array(values, float),), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert compare.sign_flip_p([np.array(values, float)], np.random.default_rng(0)) == pytest.approx(
        exact.pvalue, abs=1e-6
    )


def test_many_pairs_are_flipped_at_random() -> None:
    values = np.random.default_rng(3).normal(0.2, 1, 40)
    p = compare.sign_flip_p([values], np.random.default_rng(0))
    assert p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)


def test_bootstrap_of_equals_is_not_significant() -> None:
    same: compare.Scores = {"x": {("d", 0): 0.5, ("d", 1): 0.6}, "y": {("d", 0): 0.5, ("d", 1): 0.6}}
    got = compare.paired_bootstrap(same, "x", "y", np.random.default_rng(1))
    assert got is not None
    assert got.p == 1.0
    assert compare.paired_bootstrap({"x": {("d", 0): 1.0}, "y": {}}, "x", "y", np.random.default_rng(0)) is None

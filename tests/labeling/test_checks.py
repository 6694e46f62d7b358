"""The random checks: order, accuracy, macro-F1, classes; against scikit-learn and SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, precision_score, recall_score

from tyrogue.labeling import advice
from tyrogue.labeling.checks import Checked, audit, order_of

IDS = [3, 5, 8]


def checked(n: int, seed: int = 0) -> Checked:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, n)
    return Checked(true, np.where(rng.random(n) < 0.8, true, rng.integers(0, 3, n)))


def told(one: Checked, population: int = 10**9) -> dict[str, Any]:
    found = audit(one, IDS, population=population, source="independent", rng=np.random.default_rng(0))
    assert found is not None
    return found


def test_the_order_is_a_random_one_that_stays_when_the_sample_grows() -> None:
    small = np.arange(0, 4000, 13, dtype=np.int64)
    grown = np.union1d(small, np.arange(4000, 9000, 17))
    order = order_of(small, 7)
    assert sorted(order.tolist()) == small.tolist()
    assert [row for row in order_of(grown, 7).tolist() if row in set(small.tolist())] == order.tolist()
    assert not np.array_equal(order, order_of(small, 8))
    # Early and late rows of the file are spread alike: no trend that a rank correlation would see.
    assert stats.spearmanr(np.arange(len(order)), order).pvalue > 0.01


def test_only_checks_that_the_model_was_asked_about_count() -> None:
    rows, true = np.array([4, 6, 9]), np.array([5, 3, 8])
    found = Checked.of(rows, true, {4: 5, 9: 3, 77: 3}, {3: 0, 5: 1, 8: 2})
    assert (found.true.tolist(), found.said.tolist()) == ([1, 2], [1, 0])


def test_figures_are_those_of_the_libraries() -> None:
    one = checked(200)
    found = audit(one, IDS, population=10**9, source="independent", rng=np.random.default_rng(0))
    assert found is not None
    right = int((one.true == one.said).sum())
    interval = stats.binomtest(right, 200).proportion_ci(method="wilson")
    assert (found["n"], found["correct"], found["accuracy"]) == (200, right, right / 200)
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high), abs=1e-6)
    assert found["macro_f1"]["value"] == pytest.approx(f1_score(one.true, one.said, average="macro"))
    assert found["majority"] == pytest.approx(np.bincount(one.true).max() / 200)
    recalls = recall_score(one.true, one.said, average=None)
    precisions = precision_score(one.true, one.said, average=None)
    for place, of_class in enumerate(found["classes"]):
        assert of_class["class_id"] == IDS[place]
        assert of_class["found"]["value"] == pytest.approx(recalls[place])
        assert of_class["right"]["value"] == pytest.approx(precisions[place])


def test_a_small_pool_is_known_better() -> None:
    endless, small = told(checked(100)), told(checked(100), population=150)
    assert endless["low"] < small["low"]
    assert small["high"] < endless["high"]


def test_too_little_is_said_to_be_too_little() -> None:
    nothing = Checked(np.empty(0, np.int64), np.empty(0, np.int64))
    assert audit(nothing, IDS, population=100, source="independent", rng=np.random.default_rng(0)) is None
    few = audit(checked(29), IDS, population=10**6, source="independent", rng=np.random.default_rng(0))
    assert few is not None
    assert (few["enough"], few["macro_f1"]) == (False, None)
    rare = Checked(np.array([0] * 60 + [1] * 9), np.array([0] * 60 + [1] * 9))
    found = audit(rare, IDS[:2], population=10**6, source="independent", rng=np.random.default_rng(0))
    assert found is not None
    assert found["classes"][0]["found"] is not None
    assert found["classes"][1]["found"] is None, "nine checks of a class tell nothing of it"


# Words


def test_flat_compares_the_same_checks() -> None:
    before, now = np.array([1] * 30 + [0] * 10), np.array([1] * 32 + [0] * 8)
    found = advice.flat(before, now, 100)
    assert found["gained"] == pytest.approx(2 / 40)
    half = 1.645 * np.std(now - before) / np.sqrt(40)
    assert (found["low"], found["high"]) == pytest.approx((0.05 - half, 0.05 + half))
    assert found["holds"] is False
    assert advice.flat(now, now, 100)["holds"] is True
    assert advice.flat(before[:20], now[:20], 100)["holds"] is None


def test_a_stuck_model_is_never_called_stable() -> None:
    assert advice.stable([1.0, 1.0, 1.0], 900, stuck=True)["holds"] is False
    assert advice.stable([1.0, 1.0, 1.0], 900, stuck=False)["holds"] is True
    assert advice.stable([1.0], 900, stuck=True)["holds"] is None


def test_the_outlook_is_in_points_and_minutes() -> None:
    gain = {"labels": 50, "expected": 0.004, "low": -0.002, "high": 0.01, "source": "audit"}
    assert advice.outlook(gain, 3.6) == (
        "The next 50 labels are likely worth +0.4 points (−0.2 to +1.0), about 3 minutes at your pace. "
        "By the random checks."
    )
    assert "pace" not in advice.outlook(gain, None)


def test_drift_is_told_where_it_is_large_and_no_accident() -> None:
    names = ["a", "b"]
    half, most = np.array([0, 1] * 50), np.array([0] * 80 + [1] * 20)
    found = advice.drift(most, half, names, source="audit")
    assert found is not None
    assert found["differs"]
    assert found["apart"] == pytest.approx(0.3)
    assert found["p"] == pytest.approx(stats.chi2_contingency([[80, 20], [50, 50]]).pvalue)
    assert "'a' is 80% of the labels and 50% of the random checks" in found["words"]
    same = advice.drift(half, half[:40], names, source="audit")
    assert same is not None
    assert not same["differs"]
    assert advice.drift(most, half[:20], names, source="audit") is None, "twenty checks tell nothing of it"


@pytest.mark.parametrize(("low", "warned"), [(0.3, True), (0.5, False)])
def test_an_accuracy_no_better_than_the_most_frequent_class_is_pointed_out(low: float, warned: bool) -> None:
    figures = {"enough": True, "low": low, "majority": 0.4, "classes": [{"class_id": 3, "checks": 20}]}
    found = advice.warnings(never=[], stuck=False, audit=figures, names={3: "cats"}, suspected=0)
    assert [one["name"] for one in found] == (["majority"] if warned else [])

"""Pools made worse on purpose: what was promised of them, and that their embeddings go with their texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrogue.errors import UnknownName
from tyrogue.experiments import stress
from tyrogue.experiments.embeddings import reordered
from tyrogue.experiments.grid import DatasetEntry, parse

if TYPE_CHECKING:
    from tests.experiments.conftest import Toy

LABELS = st.lists(st.integers(0, 3), min_size=1, max_size=300).map(np.array)


@given(LABELS, st.sampled_from(sorted(stress.STRESSES)))
def test_rows_and_labels_fit_the_pool(labels: np.ndarray, name: str) -> None:
    rows, changed = stress.STRESSES[name](labels, np.random.default_rng(0))
    assert len(rows) == len(changed) > 0
    assert rows.tolist() == sorted(rows.tolist())
    assert set(rows.tolist()) <= set(range(len(labels)))
    assert changed.min() >= 0
    assert changed.max() <= labels.max()


@given(LABELS)
def test_a_tenth_of_the_labels_is_wrong(labels: np.ndarray) -> None:
    _, changed = stress.noisy(labels, np.random.default_rng(0))
    assert (changed != labels).sum() == (round(len(labels) / 10) if labels.max() else 0)


def test_other_classes_are_twenty_times_rarer() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [300, 400, 8]))
    rows, kept = stress.imbalanced(labels, np.random.default_rng(1))
    assert Counter(kept.tolist()) == {1: 400, 0: 20, 2: 8}
    assert (labels[rows] == kept).all()


def test_every_text_is_there_ten_times() -> None:
    rows, _ = stress.repeated(np.arange(95), np.random.default_rng(1))
    assert set(Counter(rows.tolist()).values()) == {10}
    assert len(rows) == 90


def test_shuffled_labels_are_the_same_ones() -> None:
    labels = np.repeat([0, 1], 500)
    _, changed = stress.shuffled(labels, np.random.default_rng(1))
    assert Counter(changed.tolist()) == Counter(labels.tolist())
    assert 0.4 < (changed == labels).mean() < 0.6


@pytest.mark.parametrize("name", sorted(stress.STRESSES))
def test_the_test_set_stays_and_embeddings_go_with_their_texts(name: str, toy: Toy, tmp_path: Path) -> None:
    made, rows = stress.stressed(toy.task, name)
    assert made.test == toy.task.test
    assert [toy.task.texts()[row] for row in rows.tolist()] == made.texts()
    whole = tmp_path / "my-data-0123456789abcdef-fedcba.npy"
    np.save(whole, toy.embedder.vectors)
    path = reordered(whole, "digest", rows)
    assert path.name == "my-data-digest-fedcba.npy"
    assert np.array_equal(np.load(path), toy.embedder.vectors[rows])
    assert made.digest() != toy.task.digest()


def test_the_same_every_time(toys: Callable[..., Toy]) -> None:
    one, two = (stress.stressed(toys().task, "noisy")[0] for _ in range(2))
    assert one.digest() == two.digest()


def test_by_name(toy: Toy) -> None:
    with pytest.raises(UnknownName, match="imbalanced"):
        stress.stressed(toy.task, "tired")
    grid = parse({"datasets": [{"name": "sst2", "stress": "noisy"}], "models": ["linear"], "full_seeds": [1]})
    assert grid.datasets == (DatasetEntry("sst2", stress="noisy"),)
    plain = parse({"datasets": ["sst2"], "models": ["linear"], "full_seeds": [1]})
    assert grid.cells()[0].key("same") != plain.cells()[0].key("same")

"""TYROGUE step by step: random, diverse, uncertain; its two ends, its guards and its price."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from tyrogue import ops
from tyrogue.errors import UsageError
from tyrogue.strategies import Entropy, Tyrogue
from tyrogue.testing.views import WatchedView, blobs, given
from tyrogue.types import Rows

RNG = np.random.default_rng


def _view(n: int = 400, *, groups: int = 8, labeled: tuple[int, ...] = (), **more: object) -> tuple[WatchedView, Rows]:
    vectors, group = blobs(n, 12, groups, seed=13, spread=0.08)
    labels = {int(row): int(g) % 3 for g in labeled for row in np.flatnonzero(group == g)[:2]}
    weights = np.asarray(2 * RNG(5).normal(size=(12, 3)), np.float32)
    return given(vectors, weights, labels=labels, **more), group  # type: ignore[arg-type]


def test_takes_the_most_uncertain_of_the_diverse() -> None:
    view, _ = _view(labeled=(0,))
    strategy = Tyrogue(ratio=4, candidates=300)
    stage = strategy.stage(view, 6, RNG(2))
    assert set(stage.rows.tolist()) <= set(stage.candidates.tolist())
    assert len(stage.rows) == 24
    doubt = ops.entropy(view.logits(stage.rows))
    wanted = sorted(zip(-doubt, range(24), stage.rows.tolist(), strict=True))
    assert strategy.query(view, 6, RNG(2)).rows.tolist() == [row for _, _, row in wanted]


def test_diverse_means_one_text_of_every_group() -> None:
    view, group = _view()
    assert sorted(group[Tyrogue(ratio=1).query(view, 8, RNG(0)).rows[:8]].tolist()) == list(range(8))


def test_the_first_round_ignores_the_ratio_and_asks_no_model() -> None:
    view, group = _view(fitted=False, round=0)
    got = Tyrogue(ratio=5).query(view, 8, RNG(0))
    assert sorted(group[got.rows].tolist()) == list(range(8))
    assert view.spent.rows_inferred == 0
    size = [int((group == group[row]).sum()) for row in got.rows]
    assert size == sorted(size, reverse=True) == got.facts["cluster_size"].tolist()


def test_a_ratio_of_everything_is_uncertainty_alone() -> None:
    view, _ = _view(labeled=(0,))
    got = Tyrogue(ratio=400).query(view, 10, RNG(0))
    assert got.rows[:10].tolist() == Entropy().query(view, 10, RNG(0)).rows.tolist()


def test_raw_logits_rank_otherwise() -> None:
    view, _ = _view(labeled=(0,))
    one, two = (Tyrogue(ratio=6, raw_logits=raw).query(view, 6, RNG(0)).rows[:6].tolist() for raw in (False, True))
    assert one != two


def test_conditional_leaves_the_labeled_groups_alone() -> None:
    labeled = (1, 4, 6)
    view, group = _view(labeled=labeled)
    got = Tyrogue(ratio=1, conditional=True).query(view, 5, RNG(0)).rows
    assert sorted(group[got].tolist()) == [0, 2, 3, 5, 7]
    plain = Tyrogue(ratio=1).query(view, 8, RNG(0)).rows
    assert set(group[plain].tolist()) & set(labeled)


def test_conditional_finds_other_cells_round_after_round() -> None:
    view, group = _view()
    seen = list[int]()
    for round in range(4):
        rows = Tyrogue(ratio=1, conditional=True).query(view, 2, RNG(round)).rows[:2]
        view.pool.teach(rows, np.zeros(len(rows), np.int64))
        view.labeled, view.labels = view.pool.labeled, view.pool.labels
        seen += group[rows].tolist()
    assert sorted(seen) == list(range(8))


def test_drawn_representatives_come_from_as_many_cells_but_not_from_their_middle() -> None:
    view, group = _view()
    drawn, nearest = (
        [Tyrogue(ratio=1, representative=which).query(view, 8, RNG(seed)).rows[:8] for seed in range(12)]
        for which in ("drawn", "nearest")
    )
    each_group_a_cell = [seed for seed, rows in enumerate(nearest) if len(set(group[rows])) == 8]
    assert len(each_group_a_cell) > 3  # k-means does not find them from every start
    assert all(len(set(group[drawn[seed]])) == 8 for seed in each_group_a_cell)
    assert len({frozenset(nearest[seed]) for seed in each_group_a_cell}) == 1
    assert len({frozenset(drawn[seed]) for seed in each_group_a_cell}) == len(each_group_a_cell)


def test_moving_the_dial_is_ranking_again() -> None:
    view, _ = _view(labeled=(0,))
    strategy = Tyrogue(ratio=3)
    stage = strategy.stage(view, 5, RNG(0))
    assert strategy.rank(view, stage, 5).rows.tolist() == strategy.query(view, 5, RNG(0)).rows.tolist()
    assert strategy.at(7) == Tyrogue(ratio=7)


def test_says_why() -> None:
    view, _ = _view(labeled=(0,))
    strategy = Tyrogue(ratio=3)
    stage, got = strategy.stage(view, 5, RNG(0)), strategy.query(view, 5, RNG(0))
    assert set(got.facts) == {"step", "cluster", "cluster_size", "rank_before"}
    assert [stage.rows[i] for i in got.facts["rank_before"]] == got.rows.tolist()
    assert set(got.facts["step"].tolist()) == {"uncertain"}
    assert got.facts["cluster_size"].sum() == len(stage.candidates)


@settings(max_examples=25, deadline=None)
@for_all(
    n=st.integers(1, 60),
    batch=st.integers(1, 20),
    ratio=st.integers(1, 6),
    candidates=st.integers(1, 80),
    fitted=st.booleans(),
    conditional=st.booleans(),
    representative=st.sampled_from(["nearest", "drawn"]),
    identical=st.booleans(),
)
def test_guards_and_price(
    n: int,
    batch: int,
    ratio: int,
    candidates: int,
    fitted: bool,
    conditional: bool,
    representative: Literal["nearest", "drawn"],
    identical: bool,
) -> None:
    """Pools below the draw, draws below r * n, pools below n, copies: always a full batch at the declared cost."""
    vectors = np.ones((n, 4), np.float32) if identical else blobs(n, 4, 3, seed=n)[0]
    labels = dict.fromkeys(range(0, n, 5), 0) if fitted and n > 1 else {}
    view = given(vectors, np.eye(4, 3, dtype=np.float32), labels=labels, fitted=fitted, round=int(fitted))
    asked = min(batch, view.size)
    strategy = Tyrogue(ratio=ratio, candidates=candidates, conditional=conditional, representative=representative)
    got = strategy.query(view, asked, RNG(0))
    assert len(got.rows) >= asked
    assert len(set(got.rows.tolist())) == len(got.rows)
    drawn = min(max(candidates, asked), view.size)
    assert view.spent.rows_embedded <= drawn + (len(labels) if conditional else 0) + ratio * asked
    assert len(view.touched) <= drawn + len(labels)
    assert view.spent.rows_inferred <= (max(ratio * asked, asked) if fitted else 0)


def test_the_price_of_a_round_does_not_grow_with_the_pool() -> None:
    spent = []
    for n in (3_000, 30_000):
        vectors, _ = blobs(n, 4, 3)
        view = given(vectors, np.eye(4, 3, dtype=np.float32), labels={0: 0, 1: 1})
        Tyrogue(ratio=3, candidates=1000).query(view, 10, RNG(0))
        spent.append((view.spent.rows_embedded, view.spent.rows_inferred))
    assert spent[0] == spent[1] == (1000, 30)


def test_the_published_setting_uses_ten_full_restarts() -> None:
    assert Tyrogue.paper() == Tyrogue(n_init=10, published_kmeans=True)
    view, group = _view()
    assert sorted(group[Tyrogue.paper(1).query(view, 8, RNG(0)).rows].tolist()) == list(range(8))


@pytest.mark.parametrize("wrong", [{"ratio": 0}, {"candidates": 0}, {"n_init": 0}])
def test_refuses_what_cannot_be(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        Tyrogue(**wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not both"):
        Tyrogue(conditional=True, published_kmeans=True)

"""The strategies that go by clusters, on pools whose clusters are known, and their formulas by loops."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering, KMeans

from tyrogue import ops
from tyrogue.errors import MissingHead
from tyrogue.pool import Inputs, Pool, Texts
from tyrogue.strategies import Alps, BertKM, ClusterMargin, DropQuery, FTbertKM, Margin, Swapped, TypiClust, parts
from tyrogue.strategies.cluster_margin import _round_robin, agglomerate
from tyrogue.strategies.dropquery import _kept
from tyrogue.strategies.typiclust import typicality
from tyrogue.testing.views import GivenEmbedder, GivenModel, WatchedView, blobs, given
from tyrogue.types import Floats, Rows
from tyrogue.view import PoolView

RNG = np.random.default_rng


def _open(view: WatchedView) -> Rows:
    return np.concatenate(list(view.pool.blocks()))


def _clear(n: int = 200, groups: int = 8, *, labeled: tuple[int, ...] = (), **more: object) -> tuple[WatchedView, Rows]:
    """A pool of well separated groups; `labeled` names groups of which three rows hold a label."""
    vectors, group = blobs(n, 12, groups, seed=31, spread=0.05)
    labels = {int(row): int(g) % 3 for g in labeled for row in np.flatnonzero(group == g)[:3]}
    weights = np.asarray(3 * RNG(2).normal(size=(12, 3)), np.float32)
    return given(vectors, weights, labels=labels, **more), group  # type: ignore[arg-type]


def test_bertkm_takes_the_middle_of_every_group() -> None:
    view, group = _clear()
    rows = BertKM().query(view, 8, RNG(0)).rows
    assert sorted(group[rows].tolist()) == list(range(8))
    vectors = view.static(np.arange(200))
    for row in rows.tolist():
        members = np.flatnonzero(group == group[row])
        mean = vectors[members].mean(0)
        assert row == members[((vectors[members] - mean) ** 2).sum(1).argmin()]


def test_clusters_say_how_many_they_stand_for() -> None:
    view, group = _clear()
    got = BertKM().query(view, 8, RNG(0))
    assert got.facts["cluster_size"].tolist() == [int((group == group[row]).sum()) for row in got.rows]
    assert got.score.tolist() == sorted(got.score.tolist(), reverse=True)


def test_ftbertkm_clusters_the_models_own_features_and_bertkm_does_not() -> None:
    vectors, group = blobs(200, 12, 8, seed=31, spread=0.05)
    other, _ = blobs(200, 12, 3, seed=5, spread=0.4)
    weights = np.eye(12, 3, dtype=np.float32)
    tuned = given(vectors, weights, static=other, labels={0: 0})
    frozen = given(other, weights, static=vectors, labels={0: 0})
    assert sorted(group[FTbertKM().query(tuned, 8, RNG(0)).rows].tolist()) == list(range(8))
    assert sorted(group[BertKM().query(frozen, 8, RNG(0)).rows].tolist()) == list(range(8))
    assert len(set(group[BertKM().query(tuned, 8, RNG(0)).rows].tolist())) < 8


def test_ftbertkm_random_start_is_random_only_before_the_first_fit() -> None:
    weights, (vectors, group) = np.eye(12, 3, dtype=np.float32), blobs(200, 12, 8, seed=31, spread=0.05)
    cold, warm = given(vectors, weights, fitted=False, round=0), given(vectors, weights, labels={0: 0})
    drawn = [FTbertKM(random_start=True).query(cold, 8, RNG(seed)).rows for seed in range(5)]
    assert any(len(set(group[rows].tolist())) < 8 for rows in drawn)
    assert len(set(group[FTbertKM().query(cold, 8, RNG(0)).rows].tolist())) == 8
    assert (
        FTbertKM(random_start=True).query(warm, 8, RNG(0)).rows.tolist()
        == FTbertKM().query(warm, 8, RNG(0)).rows.tolist()
    )


class Surprised(GivenModel):
    """Surprised at positions that depend on the group alone; shorter texts give narrower blocks."""

    def surprisal(self, inputs: Inputs, *, seed: int) -> Floats:
        group = np.argmax(self.features(inputs), axis=1)
        loud = np.where(group == 7, RNG(seed).uniform(1, 60, size=len(group)), 0.1)  # length must not matter
        losses = np.eye(8, dtype=np.float32)[group] * loud[:, None]
        return np.asarray(losses[:, : group.max() + 1], np.float32)


def test_alps_takes_one_text_of_every_kind_of_surprise() -> None:
    vectors, group = blobs(200, 12, 8, seed=31, spread=0.05)
    model = Surprised(vectors, np.eye(12, 3, dtype=np.float32), fitted=False)
    view = PoolView(Pool(Texts(["t"] * 200)), model, GivenEmbedder(vectors), n_classes=3)
    assert sorted(group[Alps().query(view, 8, RNG(0)).rows].tolist()) == list(range(8))


def test_alps_aligns_blocks_of_other_widths(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, group = blobs(200, 12, 8, seed=31, spread=0.05)
    model = Surprised(vectors, np.eye(12, 3, dtype=np.float32), fitted=False)
    view = PoolView(Pool(Texts(["t"] * 200)), model, GivenEmbedder(vectors), n_classes=3)
    monkeypatch.setattr(view, "blocks", lambda size=3: PoolView.blocks(view, 3))
    assert sorted(group[Alps().query(view, 8, RNG(0)).rows].tolist()) == list(range(8))


def test_alps_without_a_masked_lm_head_names_a_model_that_has_one() -> None:
    vectors, _ = blobs(20, 4, 2)
    view = PoolView(Pool(Texts(["t"] * 20)), None, GivenEmbedder(vectors), n_classes=2)
    with pytest.raises(MissingHead, match="bert-base"):
        Alps().query(view, 3, RNG(0))


def test_typicality_by_loops() -> None:
    vectors, _ = blobs(60, 5, 2, spread=0.5)
    for k in (1, 7, 20):
        wanted = [
            1 / (np.sort(np.linalg.norm(vectors.astype(float) - vectors[i], axis=1))[1 : k + 1].mean() + 1e-5)
            for i in range(60)
        ]
        assert typicality(vectors, k, RNG(0)).tolist() == pytest.approx(wanted, rel=1e-2)


def test_typiclust_goes_where_no_label_is_and_takes_the_most_typical() -> None:
    view, group = _clear(labeled=(0, 3, 5))  # nine labels and five to choose: not more cells than groups is typical
    got = TypiClust(max_clusters=8).query(view, 5, RNG(0))
    assert sorted(group[got.rows].tolist()) == [1, 2, 4, 6, 7]
    vectors = view.static(np.arange(200))
    for row, value in zip(got.rows.tolist(), got.score.tolist(), strict=True):
        members = np.flatnonzero(group == group[row])
        typical = typicality(vectors[members], min(20, len(members) // 2), RNG(0))
        assert row == members[typical.argmax()]
        assert value == pytest.approx(float(typical.max()), rel=1e-4)


def test_typiclust_visits_larger_groups_first_and_comes_round() -> None:
    view, group = _clear()
    size = np.bincount(group)
    three = TypiClust(max_clusters=8).query(view, 3, RNG(0)).rows
    assert len(set(three.tolist())) == 3
    many = TypiClust(max_clusters=8).query(view, 20, RNG(0)).rows
    times = np.bincount(group[many], minlength=8)
    assert sorted(times.tolist()) == [2, 2, 2, 2, 3, 3, 3, 3]
    assert size[times == 3].min() >= size[times == 2].max()


def test_typiclust_leaves_crumbs_for_last() -> None:
    vectors = np.concatenate([np.repeat(np.eye(4, 6), [30, 30, 2, 30], axis=0)]).astype(np.float32)
    vectors = ops.unit(vectors + 0.01 * RNG(0).normal(size=vectors.shape).astype(np.float32))
    view = given(vectors, np.eye(6, 2, dtype=np.float32), fitted=False)
    rows = TypiClust(max_clusters=4).query(view, 3, RNG(0)).rows
    assert not set(rows.tolist()) & {60, 61}
    assert set(TypiClust(max_clusters=4).query(view, 4, RNG(0)).rows.tolist()) & {60, 61}


def test_typiclust_agrees_with_scikit_activeml() -> None:
    pool = pytest.importorskip("skactiveml.pool")
    view, _ = _clear(fitted=False)
    theirs = pool.TypiClust(random_state=0, k=10).query(
        X=view.static(np.arange(200)), y=np.full(200, np.nan), batch_size=8
    )
    assert set(TypiClust(neighbors=10).query(view, 8, RNG(0)).rows.tolist()) == set(theirs.tolist())


def _average_linkage(vectors: Floats, k: int) -> set[frozenset[int]]:
    """Merges the two clusters with the smallest mean distance until k are left."""
    distances = np.linalg.norm(vectors[:, None].astype(float) - vectors[None], axis=2)
    clusters = [frozenset([i]) for i in range(len(vectors))]
    while len(clusters) > k:
        pairs = [(a, b) for i, a in enumerate(clusters) for b in clusters[i + 1 :]]
        a, b = min(pairs, key=lambda pair: np.mean([distances[i, j] for i in pair[0] for j in pair[1]]))
        clusters = [c for c in clusters if c not in (a, b)] + [a | b]
    return set(clusters)


@pytest.mark.parametrize("k", [1, 3, 7, 24])
def test_agglomeration_is_average_linkage(k: int) -> None:
    vectors, _ = blobs(24, 4, 3, spread=0.6, seed=k)
    cluster = agglomerate(vectors, k)
    assert {frozenset(np.flatnonzero(cluster == c).tolist()) for c in set(cluster.tolist())} == _average_linkage(
        vectors, k
    )
    assert agglomerate(vectors[:1], 1).tolist() == [0]


def test_round_robin_by_its_definition() -> None:
    cluster = np.array([4, 4, 4, 4, 7, 7, 1, 9, 9, 9])
    for n in range(1, 11):
        got = _round_robin(cluster, n, RNG(n))
        left = {c: int((cluster == c).sum()) for c in (1, 7, 9, 4)}  # smallest first
        wanted = list[int]()
        while len(wanted) < n:
            for c in left:
                if left[c] and len(wanted) < n:
                    wanted.append(c)
                    left[c] -= 1
        assert cluster[got].tolist() == wanted
        assert len(set(got.tolist())) == n


def test_round_robin_draws_within_a_cluster_at_random() -> None:
    assert len({int(_round_robin(np.zeros(6, np.int64), 1, RNG(seed))[0]) for seed in range(40)}) == 6


def test_cluster_margin_stays_among_the_torn_and_spreads() -> None:
    view, _ = _clear(labeled=(0,))
    torn = Margin().query(view, 60, RNG(0)).rows
    got = ClusterMargin(ratio=10, cluster_size=25).query(view, 6, RNG(0))
    assert set(got.rows.tolist()) <= set(torn.tolist())
    assert got.facts["rank_before"].tolist() == [torn.tolist().index(row) for row in got.rows.tolist()]
    # The definition, with another library's average linkage: visit every cluster of the torn, smallest first.
    rows = np.setdiff1d(np.arange(200), view.labeled)
    of_row = dict(zip(rows.tolist(), AgglomerativeClustering(8, linkage="average").fit_predict(view.static(rows))))
    sizes = Counter(of_row[row] for row in torn.tolist())
    picked = Counter(of_row[row] for row in got.rows.tolist())
    fewest = sorted(sizes, key=sizes.__getitem__)[:6]
    if len(sizes) >= 6:
        assert set(picked.values()) == {1}
        assert sorted(sizes[c] for c in picked) == sorted(sizes[c] for c in fewest)
    else:
        left = min(count for c, count in picked.items() if sizes[c] > count) if len(picked) < 6 else 1
        assert set(picked) == set(sizes)
        assert max(picked.values()) - left <= 1


def test_cluster_margin_on_a_large_pool_uses_kmeans_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "EXACT_UP_TO", 100)
    view, group = _clear(labeled=(0,))
    got = ClusterMargin(ratio=20, cluster_size=12).query(view, 8, RNG(0))
    assert len(set(got.rows.tolist())) == 8
    for a, b, one, two in zip(group[got.rows], group[got.rows[1:]], got.facts["cluster"], got.facts["cluster"][1:]):
        assert a == b or one != two


def test_swapped_clusters_what_is_uncertain() -> None:
    view, _ = _clear(labeled=(0,))
    got = Swapped(ratio=5).query(view, 8, RNG(0))
    assert view.spent.rows_inferred == view.size
    assert view.spent.rows_embedded == 40
    torn = Margin().query(view, 40, RNG(0)).rows
    assert set(got.rows.tolist()) <= set(torn.tolist())
    vectors = view.static(torn)
    best = KMeans(8, n_init=10, random_state=0).fit(vectors).inertia_
    served = ops.squared_distances(vectors, view.static(got.rows)).min(1).sum()
    assert served < 2.5 * best + 0.1  # a center's stand-in serves at most about twice as badly as the center


def test_swapped_draws_before_it_predicts() -> None:
    view, _ = _clear(labeled=(0,))
    Swapped(ratio=2, candidates=50).query(view, 8, RNG(0))
    assert view.spent.rows_inferred == 50


def test_swapped_by_entropy_differs() -> None:
    view, _ = _clear(labeled=(0,))
    one, two = (Swapped(ratio=2, by=by).query(view, 8, RNG(0)).rows.tolist() for by in ("margin", "entropy"))
    assert one != two


def test_dropquery_keeps_the_rows_whose_class_changes() -> None:
    view, _ = _clear(labeled=(0,))
    rows = _open(view)
    features, strategy = view.features(rows), DropQuery(ratio=2)
    rng, changes = RNG(9), np.zeros(len(rows), int)
    sure = [int(view.head(features[i : i + 1]).argmax()) for i in range(len(rows))]
    for _ in range(3):
        keep = rng.random(features.shape, np.float32) >= 0.75
        for i in range(len(rows)):
            changes[i] += int(view.head(features[i : i + 1] * keep[i] * np.float32(4)).argmax()) != sure[i]
    bar = 1 if (changes > 1).sum() >= 16 else 0
    got = strategy.query(view, 8, RNG(9))
    assert set(got.rows.tolist()) <= set(rows[changes > bar].tolist())
    assert got.facts["changes"].tolist() == [changes[rows.tolist().index(row)] for row in got.rows.tolist()]


def test_dropquery_lowers_the_bar_and_fills_up() -> None:
    changes = np.array([3, 0, 2, 1, 0, 0, 1, 0])
    assert _kept(changes, 1, 2, 1, RNG(0)).tolist() == [0, 2]
    assert _kept(changes, 1, 4, 1, RNG(0)).tolist() == [0, 2, 3, 6]
    assert _kept(changes, 1, 5, 3, RNG(0)).tolist() == [0, 2, 3, 6]
    filled = _kept(changes, 1, 50, 6, RNG(0)).tolist()
    assert filled[:4] == [0, 2, 3, 6]
    assert len(set(filled)) == 6


def test_dropquery_cold_takes_the_middle_of_every_group() -> None:
    view, group = _clear(fitted=False, round=0)
    assert sorted(group[DropQuery().query(view, 8, RNG(0)).rows].tolist()) == list(range(8))

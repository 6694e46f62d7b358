"""The pool against a dictionary, under any sequence of teaching, undoing, closing and drawing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrogue.errors import UsageError
from tyrogue.pool import Inputs, Pool, Texts, as_rows
from tyrogue.types import UNLABELED, Floats

N = 25
ROWS = st.lists(st.integers(0, N - 1), max_size=8, unique=True)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("teach"), ROWS, st.integers(0, 3)),
        st.tuples(st.just("undo"), ROWS, st.just(UNLABELED)),
        st.tuples(st.just("close"), ROWS, st.just(0)),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(ACTIONS, st.lists(st.integers(0, 6), min_size=N, max_size=N), st.booleans(), st.integers(1, 30))
def test_a_pool_is_a_dictionary(
    actions: list[tuple[str, list[int], int]], kinds: list[int], collapse: bool, block: int
) -> None:
    texts = [f"text {kind}" for kind in kinds]
    pool = Pool(Texts(texts, collapse_duplicates=collapse))
    labels, closed = dict[int, int](), set[int]()
    for action, rows, value in actions:
        if action == "close":
            pool.close(rows)
            closed |= set(rows)
        else:
            pool.teach(rows, [value] * len(rows))
            labels.update(dict.fromkeys(rows, value))
            labels = {row: label for row, label in labels.items() if label != UNLABELED}
    known = set(labels) | closed
    taken = known | {row for row in range(N) if collapse and texts[row] in {texts[k] for k in known}}
    still_open = [row for row in range(N) if row not in taken]
    assert dict(zip(pool.labeled.tolist(), pool.labels.tolist(), strict=True)) == labels
    assert pool.closed.tolist() == sorted(taken - labels.keys())
    assert pool.size == len(still_open)
    assert [row for rows in pool.blocks(block) for row in rows.tolist()] == still_open
    drawn = pool.draw(block, np.random.default_rng(0)).tolist()
    assert len(drawn) == min(block, len(still_open))
    assert sorted(set(drawn)) == drawn
    assert set(drawn) <= set(still_open)
    assert all(pool.is_open(as_rows([row])) == (row in still_open) for row in range(-1, N + 1))


def test_the_reference_sample_is_never_drawn() -> None:
    pool = Pool(Texts([str(i) for i in range(10)]), reference=[1, 8])
    assert pool.draw(10, np.random.default_rng(0)).tolist() == [0, 2, 3, 4, 5, 6, 7, 9]
    assert pool.reference.tolist() == [1, 8]


def test_refuses_labels_that_do_not_match_and_rows_outside() -> None:
    pool = Pool(Texts(["a", "b"]))
    with pytest.raises(UsageError, match="2 rows came with 1 labels"):
        pool.teach([0, 1], [0])
    with pytest.raises(UsageError, match="Row 2 is not in this pool of 2"):
        pool.teach([2], [0])
    with pytest.raises(UsageError, match="Row -1"):
        pool.close([-1])


def test_a_draw_costs_what_is_known_and_not_the_pool() -> None:
    class Endless(Texts):
        def __len__(self) -> int:
            return 10**12

    pool = Pool(Endless([]))
    pool.teach(np.arange(0, 2000, 2), np.zeros(1000, np.int64))
    rows = pool.draw(5, np.random.default_rng(0))
    assert len(set(rows.tolist())) == 5
    assert pool.size == 10**12 - 1000


def test_inputs_fetch_texts_only_when_needed() -> None:
    fetched = list[str]()

    def fetch() -> list[str]:
        fetched.append("yes")
        return ["a", "b", "c"]

    def embed(inputs: Inputs) -> Floats:
        assert inputs.rows is not None
        return np.asarray(inputs.rows[:, None], np.float32)

    inputs = Inputs(fetch, rows=as_rows([4, 5, 6]), embed=embed)
    assert len(inputs) == 3
    assert inputs.take(as_rows([2, 0])).embeddings.tolist() == [[6], [4]]
    assert not fetched
    assert list(inputs.take(as_rows([2, 0]))) == ["c", "a"]
    assert inputs[0:2] == ["a", "b"]
    assert fetched == ["yes"]


def test_inputs_say_what_is_missing() -> None:
    with pytest.raises(UsageError, match="need their rows"):
        Inputs(lambda: ["a"])
    with pytest.raises(UsageError, match="without an encoder"):
        _ = Inputs(["a"]).embeddings
    outside = Inputs(["a", "b"])
    assert list(outside.take(as_rows([1]))) == ["b"]
    assert outside.rows is None

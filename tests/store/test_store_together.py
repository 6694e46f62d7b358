"""Decisions about several texts at once are taken back as one, and leave nothing behind in the queue."""

from __future__ import annotations

from tyrogue.store import NewItem, Store


def _open(store: Store, rows: list[int]) -> None:
    store.add_class("no")
    store.add_class("yes")
    store.open_round(0, strategy="tyrogue", parameters={}, seed=0, mode="cached", size=10)
    store.enqueue(0, [NewItem(row) for row in rows])


def test_a_region_is_taken_back_whole_and_returns_to_the_pool(store: Store) -> None:
    _open(store, [1, 2])
    (held,) = store.reserve("ann", 1)
    store.annotate(token="one", item=held.id, annotator="ann", action="label", class_id=0)
    rows = [2, 7, 8, 9]  # 2 waits in the queue, the others were never asked about
    assert store.teach(rows, [1] * 4, token="together:r", annotator="ann", kind="search") == 4
    assert store.labels()[0].tolist() == [1, 2, 7, 8, 9]
    assert store.ready() == 0
    undone = store.undo(token="u", annotator="ann")
    assert undone is not None
    assert store.taken_back("u") == 4
    assert undone[1].reserved_until is None, "a region is nobody's next text"
    assert store.undo(token="u", annotator="ann") == undone, "the same token undoes once"
    assert store.labels()[0].tolist() == [1]
    assert store.answered_rows().tolist() == [1]
    assert [item.row for item in store.reserve("ann", 10)] == [2], "what waited waits again; the others are not queued"
    assert store.rebuild() == 0
    assert store.enqueue(0, [NewItem(7)]) == 1, "a strategy may ask for it later"
    again = store.undo(token="v", annotator="ann")
    assert again is not None
    assert (again[0].row, store.taken_back("v")) == (1, 1)


def test_copies_are_taken_back_with_the_text_they_were_added_to(store: Store) -> None:
    _open(store, [1, 2])
    (item, _) = store.reserve("ann", 2)
    store.annotate(token="t", item=item.id, annotator="ann", action="label", class_id=1)
    store.annotate(token="other", item=item.id, annotator="ben", action="note", note="between")
    store.teach([5, 6], [1, 1], token="together:t", annotator="ann", kind="search")
    undone = store.undo(token="u", annotator="ann")
    assert undone is not None
    assert (undone[0].row, undone[1].row, undone[1].label) == (1, 1, 1)
    assert store.taken_back("u") == 3
    assert [one.row for one in store.reserve("ann", 5)] == [1, 2]
    assert [(one.row, one.undone) for one in store.annotations(action="label")] == [(6, True), (5, True), (1, True)]
    assert store.rebuild() == 0


def test_one_of_them_corrected_later_stays(store: Store) -> None:
    _open(store, [])
    store.teach([5, 6], [1, 1], token="together:t", annotator="ann", kind="search")
    newest = store.annotations()[0]
    store.annotate(token="c", item=newest.item, annotator="ann", action="label", class_id=0)
    store.undo(token="u", annotator="ann")
    assert store.taken_back("u") == 1
    assert store.labels()[1].tolist() == [1, 1]
    store.annotate(token="d", item=newest.item, annotator="ann", action="label", class_id=0)
    store.undo(token="v", annotator="ann")
    store.undo(token="w", annotator="ann")
    assert store.taken_back("w") == 2
    assert len(store.labels()[0]) == 0


def test_other_tokens_with_colons_are_single_decisions(store: Store) -> None:
    _open(store, [])
    store.teach([5, 6], [1, 1], token="file", annotator="ann")
    store.undo(token="u", annotator="ann")
    assert store.taken_back("u") == 1
    assert store.taken_back("file:5") == store.taken_back("unknown") == 0

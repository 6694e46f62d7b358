"""Undo takes back what was meant or nothing, and texts that were put first in the queue come out of it again."""

from __future__ import annotations

import pytest

from tyrogue.errors import Conflict
from tyrogue.store import NewItem, Store
from tyrogue.testing.stores import Clock


@pytest.fixture
def queue(store: Store) -> Store:
    """Classes no, yes and maybe, and a batch of rows 0 to 5."""
    for name in ("no", "yes", "maybe"):
        store.add_class(name)
    store.open_round(0, strategy="tyrogue", parameters={}, seed=0, mode="cached", size=6)
    store.enqueue(0, [NewItem(row) for row in range(6)])
    return store


def label(store: Store, token: str, class_id: int = 0, who: str = "ann") -> int:
    """Labels the next text; gives its row."""
    item = store.reserve(who, 1)[0]
    store.annotate(token=token, item=item.id, annotator=who, action="label", class_id=class_id)
    return item.row


def upcoming(store: Store, who: str = "ann") -> list[int]:
    return [item.row for item in store.reserve(who, 20)]


def test_another_decision_than_the_one_expected_stands(queue: Store) -> None:
    first, second = label(queue, "one"), label(queue, "two", 1)
    journal = queue.journal_position()
    with pytest.raises(Conflict, match="Something else was decided"):
        queue.undo(token="u", annotator="ann", expected="one")
    with pytest.raises(Conflict):
        queue.undo(token="u", annotator="ann", expected="never recorded")
    assert queue.journal_position() == journal
    assert [part.tolist() for part in queue.labels()] == [[first, second], [0, 1]]
    undone = queue.undo(token="u", annotator="ann", expected="two")
    assert undone is not None
    assert undone[0].token == "two"
    again = queue.undo(token="u", annotator="ann", expected="two")
    assert again is not None, "sent twice, undone once"
    assert (again[0], queue.journal_position()) == (undone[0], journal + 1)
    assert queue.undo(token="v", annotator="ben", expected="one") is None, "he has decided nothing"


def test_a_correction_is_what_is_taken_back_and_nobody_is_asked_again(queue: Store) -> None:
    row, other = label(queue, "one"), label(queue, "two")
    queue.review(row=row, token="look", annotator="ann", action="label", class_id=1)
    with pytest.raises(Conflict):
        queue.undo(token="u", annotator="ann", expected="two")
    undone = queue.undo(token="u", annotator="ann", expected="look")
    assert undone is not None
    assert (undone[0].token, undone[1].reserved_until) == ("look", None)
    assert [part.tolist() for part in queue.labels()] == [[row, other], [0, 0]]
    assert upcoming(queue) == [2, 3, 4, 5], "the card's labels stand"
    assert queue.rebuild() == 0


def test_a_settled_disagreement_is_one_again(queue: Store) -> None:
    queue.set("overlap", 2)
    row = label(queue, "one", 0, "ann")
    assert label(queue, "two", 1, "ben") == row
    queue.adjudicate(row, 2, token="settle", annotator="ben")
    with pytest.raises(Conflict):
        queue.undo(token="u", annotator="ben", expected="two")
    assert queue.label_of(row) == 2
    undone = queue.undo(token="u", annotator="ben", expected="settle")
    assert undone is not None
    assert (undone[1].reserved_until, queue.disputes()) == (None, [(row, True)])
    assert row not in upcoming(queue, "ben")


def test_a_region_and_a_text_with_its_copies_are_known_by_the_token_of_their_request(queue: Store) -> None:
    label(queue, "text")
    queue.teach([20, 21], [1, 1], token="together:text", annotator="ann", kind="search")
    queue.teach([30, 31], [1, 1], token="together:region", annotator="ann", kind="search")
    with pytest.raises(Conflict):
        queue.undo(token="u", annotator="ann", expected="text")
    assert queue.undo(token="u", annotator="ann", expected="region") is not None
    assert queue.undo(token="v", annotator="ann", expected="text") is not None
    assert (queue.taken_back("u"), queue.taken_back("v")) == (2, 3)
    assert len(queue.labels()[0]) == 0


def test_a_second_look_that_somebody_asked_for_comes_again(queue: Store) -> None:
    row = label(queue, "one")
    item = queue.push(row, "review", annotator="rob")
    queue.annotate(token="look", item=item.id, annotator="rob", action="label", class_id=1)
    undone = queue.undo(token="u", annotator="rob", expected="look")
    assert undone is not None
    assert undone[1].reserved_until is not None
    assert upcoming(queue, "rob")[0] == row


def test_what_was_put_first_comes_out_of_the_queue_again(queue: Store) -> None:
    for row in (50, 4, 40):  # 4 waits in the batch
        queue.push(row, "search", annotator="ann")
    assert queue.pushed_rows().tolist() == [4, 40, 50]
    assert upcoming(queue) == [40, 4, 50, 0, 1, 2, 3, 5]
    assert queue.withdraw([4, 40, 50, 999], "ann") == [4, 40, 50]
    assert queue.pushed_rows().tolist() == []
    assert upcoming(queue) == [0, 1, 2, 3, 5, 4], "4 is in its batch still; the others returned to the pool"
    assert not {40, 50} & {*queue.queued_rows().tolist()}
    assert queue.enqueue(0, [NewItem(50)]) == 1, "a strategy may ask for it"
    assert queue.withdraw([0, 4, 40], "ann") == [], "nobody had put these first"
    assert queue.rebuild() == 0


def test_what_was_decided_or_is_in_another_hand_stays(queue: Store, clock: Clock) -> None:
    for row in (52, 51, 50):
        queue.push(row, "search")
    assert label(queue, "one") == 50
    (his,) = queue.reserve("ben", 1)
    assert his.row == 51
    assert queue.withdraw([50, 51, 52], "ann") == [52]
    assert queue.labels()[0].tolist() == [50]
    assert upcoming(queue, "ben")[0] == 51
    clock.advance(3600)
    assert queue.withdraw([51], "ann") == [51], "nobody has it in hand any more"


def test_a_late_label_on_what_was_taken_out_is_kept(queue: Store) -> None:
    item = queue.push(50, "search", annotator="ann")
    queue.withdraw([50], "ann")
    queue.annotate(token="late", item=item.id, annotator="ann", action="label", class_id=1)
    assert queue.label_of(50) == 1
    queue.undo(token="u", annotator="ann")
    assert queue.label_of(50) is None
    assert queue.rebuild() == 0

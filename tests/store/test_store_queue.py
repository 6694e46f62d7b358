from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tyrogue.errors import Conflict, UsageError
from tyrogue.store import NewItem, Store
from tyrogue.testing.stores import Clock


def _open(store: Store, *numbers: int) -> None:
    store.add_class("no")
    for number in numbers:
        store.open_round(number, strategy="tyrogue", parameters={}, seed=0, mode="cached", size=5)


def _rows(store: Store, annotator: str, n: int = 50) -> list[int]:
    return [item.row for item in store.reserve(annotator, n)]


def test_an_item_brings_back_what_it_came_with(store: Store, clock: Clock) -> None:
    _open(store, 2)
    facts = {"cluster": np.int64(3), "far": np.float32(np.nan), "step": "diverse", "near": np.array([1, 2])}
    new = NewItem(12, "reference", 0.5, facts, "m1", np.array([0.25, 0.75], np.float32).tolist(), True)
    store.enqueue(2, [new])
    (item,) = store.reserve("ann", 3, lease_seconds=90)
    assert (item.row, item.kind, item.round, item.position, item.score) == (12, "reference", 2, 0, 0.5)
    assert item.facts == {"cluster": 3, "far": None, "step": "diverse", "near": [1, 2]}
    assert (item.model_version, item.probabilities, item.blind) == ("m1", [0.25, 0.75], True)
    assert item.reserved_until is not None
    assert (item.created, (item.reserved_until - clock.now).total_seconds()) == (clock.now, 90)
    assert (item.answered, item.label) == (False, None)
    assert store.item(item.id, "ann") == item
    assert store.item(item.id).reserved_until is None


def test_rounds_come_in_order_whatever_was_queued_first(store: Store) -> None:
    _open(store, 0, 1)
    store.enqueue(1, [NewItem(10), NewItem(11)])
    store.enqueue(0, [NewItem(5), NewItem(4)])
    store.enqueue(0, [NewItem(3), NewItem(10)])
    assert _rows(store, "ann") == [5, 4, 3, 10, 11]
    assert (store.ready(), store.ready(round=1)) == (0, 0)
    store.release("ann")
    assert (store.ready(), store.ready(round=1)) == (5, 2)


def test_a_pushed_text_can_be_reserved_for_who_asked(store: Store) -> None:
    _open(store, 0)
    store.enqueue(0, [NewItem(row) for row in range(4)])
    assert _rows(store, "ann", 2) == [0, 1]
    pushed = store.push(70, "search", facts={"words": "refund"}, annotator="ann")
    assert (pushed.round, pushed.facts, pushed.reserved_until is not None) == (None, {"words": "refund"}, True)
    assert _rows(store, "ann", 3) == [70, 0, 1]
    assert _rows(store, "ben") == [2, 3]
    store.push(2, "search", annotator="ann")  # ben has it in hand, and keeps it
    assert _rows(store, "ann") == [70, 0, 1]


def test_a_single_item_may_want_more_people_than_the_others(store: Store) -> None:
    _open(store, 0)
    store.enqueue(0, [NewItem(0), NewItem(1, overlap=3)])
    assert (_rows(store, "ann"), _rows(store, "ben"), _rows(store, "cem"), _rows(store, "dan")) == (
        [0, 1],
        [1],
        [1],
        [],
    )


def test_overlap_holds_for_what_is_open(store: Store) -> None:
    _open(store, 0)
    store.enqueue(0, [NewItem(0), NewItem(1)])
    first, second = store.reserve("ann", 2)
    store.annotate(token="a", item=first.id, annotator="ann", action="skip")
    store.set("overlap", 2)
    assert _rows(store, "ben") == [1]
    store.release("ben")
    store.annotate(token="b", item=second.id, annotator="ann", action="skip")
    assert store.ready() == 1
    store.set("overlap", 1)
    assert (store.ready(), _rows(store, "ben")) == (0, [])
    for value in (0, "2", None, 1.5):
        with pytest.raises(UsageError, match="overlap is"):
            store.set("overlap", value)


def test_a_decision_on_what_somebody_else_holds_is_kept(store: Store, clock: Clock) -> None:
    _open(store, 0)
    store.enqueue(0, [NewItem(0)])
    (item,) = store.reserve("ann", 1, lease_seconds=10)
    clock.advance(11)
    assert _rows(store, "ben") == [0]
    store.annotate(token="a", item=item.id, annotator="ann", action="label", class_id=0)  # late, and not lost
    assert store.labels()[0].tolist() == [0]
    assert _rows(store, "ben") == []


def test_the_round_that_is_handed_out_is_ahead_of_the_one_that_is_labeled(store: Store) -> None:
    _open(store, 0, 1)
    for number in (0, 1):
        store.enqueue(number, [NewItem(10 * number + row) for row in range(3)])

    def at(*, unshown: bool) -> tuple[int, int, int]:
        round = store.current_round(unshown=unshown)
        assert round is not None
        return round.number, round.answered, round.shown

    assert at(unshown=False) == at(unshown=True) == (0, 0, 0)
    first, *_ = store.reserve("ann", 2)
    assert at(unshown=False) == at(unshown=True) == (0, 0, 2)
    store.reserve("ben", 2)
    assert (at(unshown=False), at(unshown=True)) == ((0, 0, 3), (1, 0, 1))
    store.annotate(token="t", item=first.id, annotator="ann", action="label", class_id=0)
    store.release("ben")  # what somebody has seen is shown for good
    assert (at(unshown=False), at(unshown=True)) == ((0, 1, 3), (1, 0, 1))
    store.reserve("ann", 9)
    assert at(unshown=True) == (1, 0, 3)


def test_undo_reaches_back_over_rounds_and_shows_the_label_that_was(store: Store) -> None:
    _open(store, 0, 1)
    store.enqueue(0, [NewItem(0)])
    store.enqueue(1, [NewItem(1)])
    for item in store.reserve("ann", 2):
        store.annotate(token=f"{item.row}", item=item.id, annotator="ann", action="label", class_id=0)
    assert store.round(0).answered == 1
    for row in (1, 0):
        undone = store.undo(token=f"u{row}", annotator="ann")
        assert undone is not None
        assert (undone[0].row, undone[1].row, undone[1].label) == (row, row, 0)
    assert [(item.row, item.label) for item in store.reserve("ann", 2)] == [(0, 0), (1, 0)]
    assert store.round(0).answered == 0
    assert store.undo(token="nothing", annotator="ben") is None


def test_undo_of_a_correction_brings_the_earlier_label_back(store: Store) -> None:
    _open(store, 0)
    store.add_class("yes")
    store.enqueue(0, [NewItem(0)])
    (item,) = store.reserve("ann", 1)
    for class_id in (0, 1):
        store.annotate(token=f"{class_id}", item=item.id, annotator="ann", action="label", class_id=class_id)
    store.undo(token="u", annotator="ann")
    assert store.labels()[1].tolist() == [0]
    assert _rows(store, "ann") == [0]
    assert store.queued_rows().tolist() == [0]
    assert store.ready() == 0


def test_a_note_changes_nothing_but_the_journal(store: Store) -> None:
    _open(store, 0)
    store.enqueue(0, [NewItem(0), NewItem(1)])
    item, other = store.reserve("ann", 2)
    for token in "ab":
        store.annotate(token=token, item=item.id, annotator="ann", action="label", class_id=0)
    store.undo(token="u", annotator="ann")  # of the correction: the item is in hand, and closed
    store.set("overlap", 2)
    store.annotate(token="n", item=item.id, annotator="ann", action="note", note="hm")
    store.annotate(token="m", item=other.id, annotator="ben", action="note", note="hm")
    assert [one.id for one in store.reserve("ann", 5)] == [item.id, other.id]
    assert _rows(store, "ben") == [1]
    assert store.skipped_rows().tolist() == []


def test_what_cannot_be_decided(store: Store) -> None:
    _open(store, 0)
    store.enqueue(0, [NewItem(0)])
    (item,) = store.reserve("ann", 1)
    good: dict[str, Any] = {"token": "t", "item": item.id, "annotator": "ann", "action": "label", "class_id": 0}
    bad: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"item": 999_999}, UsageError, "no queue item 999999"),
        ({"class_id": 4}, Conflict, "There is no class 4"),
        ({"class_id": None}, UsageError, "A label needs a class_id"),
        ({"action": "skip"}, UsageError, "a skip takes none"),
        ({"action": "like"}, UsageError, "'like' is not an action"),
        ({"action": "note", "class_id": None, "note": "  "}, UsageError, "A note needs a text"),
        ({"token": ""}, UsageError, "A token has"),
        ({"token": "a\0b"}, UsageError, "A token has"),
        ({"token": "x" * 201}, UsageError, "A token has"),
        ({"annotator": " "}, UsageError, "annotator needs a name"),
        ({"seconds": float("nan")}, UsageError, "not a number of seconds"),
        ({"seconds": -1.0}, UsageError, "not a number of seconds"),
        ({"note": "x" * 10_001}, UsageError, "A note may have 10,000"),
    ]
    position = store.journal_position()
    for change, error, message in bad:
        with pytest.raises(error, match=message):
            store.annotate(**{**good, **change})
    assert store.journal_position() == position
    store.annotate(**good)
    other = store.push(1, "search")
    with pytest.raises(Conflict, match=f"was used for item {item.id}"):
        store.annotate(**{**good, "item": other.id})
    with pytest.raises(Conflict, match="belongs to a decision"):
        store.undo(token="t", annotator="ann")
    store.undo(token="u", annotator="ann")
    with pytest.raises(Conflict, match="was used"):
        store.annotate(**{**good, "token": "u"})


def test_a_round_can_be_kept_at_its_size(store: Store) -> None:
    _open(store, 0, 1)
    assert store.enqueue(0, [NewItem(row) for row in range(9)], limit=5) == 5
    store.enqueue(1, [NewItem(20)])
    store.reserve("ann", 2)
    seen = store.queued_rows(shown=True).tolist(), store.queued_rows(without_unseen_of=0).tolist()
    assert seen == ([0, 1], [0, 1, 20])
    assert store.enqueue(0, [NewItem(row) for row in range(30, 39)], replace=True, limit=5) == 3
    assert _rows(store, "ben") == [30, 31, 32, 20]


def test_what_cannot_be_queued(store: Store) -> None:
    with pytest.raises(Conflict, match="Round 3 was not opened"):
        store.enqueue(3, [NewItem(0)])
    _open(store, 0)
    for new, message in (
        (NewItem(0, "audit"), "not a kind"),
        (NewItem(-1), "rows count from 0"),
        (NewItem(0, overlap=0), "at least 1"),
    ):
        with pytest.raises(UsageError, match=message):
            store.enqueue(0, [NewItem(5), new])
    with pytest.raises(UsageError, match="0 items"):
        store.reserve("ann", 0)
    assert store.queued_rows().tolist() == []


@pytest.mark.parametrize("note", ["a\0b", "half \ud83d emoji", "👍\nzwei", "<script>alert(1)</script>", "\u202eabc"])
def test_any_note_is_kept(store: Store, note: str) -> None:
    _open(store, 0)
    store.enqueue(0, [NewItem(0)])
    done = store.annotate(token="t", item=store.reserve("ann", 1)[0].id, annotator="ann", action="flag", note=note)
    assert done.note == note.replace("\0", "\ufffd").replace("\ud83d", "\ufffd")


def test_what_somebody_has_in_hand_is_told_until_the_lease_ends(store: Store, clock: Clock) -> None:
    _open(store, 0)
    store.enqueue(0, [NewItem(row) for row in (7, 3, 5, 1)])
    store.reserve("ann", 2, lease_seconds=60)
    store.reserve("ben", 1, lease_seconds=90)
    assert (store.held_rows("ann").tolist(), store.held_rows("ben").tolist()) == ([3, 7], [5])
    assert store.held_rows("nobody").tolist() == []
    clock.advance(75)
    assert (store.held_rows("ann").tolist(), store.held_rows("ben").tolist()) == ([], [5])

from __future__ import annotations

import time
from datetime import timedelta

import numpy as np
import pytest

from tyrogue.errors import Conflict, UsageError
from tyrogue.store import Item, NewItem, Store
from tyrogue.testing.stores import Clock


def _queue(store: Store, *items: NewItem) -> list[Item]:
    for name in ("no", "yes"):
        store.add_class(name)
    store.open_round(0, strategy="tyrogue", parameters={"ratio": 3}, seed=1, mode="cached", size=len(items), ratio=3)
    store.enqueue(0, items)
    return store.reserve("ann", len(items))


def _label(store: Store, item: Item, class_id: int, annotator: str = "ann", seconds: float | None = None) -> None:
    token = f"{annotator} {item.id} {store.journal_position()}"
    store.annotate(token=token, item=item.id, annotator=annotator, action="label", class_id=class_id, seconds=seconds)


def test_an_export_knows_who_said_what_when_and_which_model_asked(store: Store, clock: Clock) -> None:
    first, second = _queue(store, NewItem(8, model_version="m1", probabilities=[0.25, 0.75]), NewItem(3, "reference"))
    _label(store, first, 1, seconds=2.5)
    store.annotate(token="n1", item=first.id, annotator="ben", action="note", note="Is it?")
    store.annotate(token="n2", item=first.id, annotator="ann", action="note", note="It is.")
    clock.advance(60)
    store.annotate(token="f", item=second.id, annotator="ann", action="flag", note="odd")
    _label(store, second, 0, "ben")
    three, eight = store.label_records()
    assert (eight.row, eight.class_id, eight.kind, eight.annotator, eight.seconds) == (8, 1, "query", "ann", 2.5)
    assert (eight.model_version, eight.round, eight.probabilities) == ("m1", 0, [0.25, 0.75])
    assert (eight.note, eight.flagged, eight.created) == ("Is it?\nIt is.", False, clock.now - timedelta(seconds=60))
    assert (three.row, three.kind, three.annotator, three.note, three.flagged) == (3, "reference", "ben", "odd", True)


def test_label_records_come_in_pages_by_row(store: Store) -> None:
    store.add_class("no")
    rows = np.random.default_rng(0).permutation(2500).tolist()
    store.teach(rows, [0] * 2500, token="t", annotator="ann")
    assert [record.row for record in store.label_records()] == list(range(2500))
    assert [one.row for one in store.journal()] == rows


def test_probabilities_before_the_label_follow_the_classes_of_today(store: Store) -> None:
    items = _queue(
        store,
        NewItem(0, model_version="m1", probabilities=[0.2, 0.3]),
        NewItem(1),
        NewItem(2, model_version="m2", probabilities=[0.1, 0.2, 0.7]),
        NewItem(3, model_version="lost", probabilities=[0.1, 0.2, 0.7, 0.0]),
    )
    third = store.add_class("yes!").id
    for version, class_ids in (("m1", [1, 0]), ("m2", [0, 1, third])):
        store.add_model(
            version,
            kind="linear",
            path=version,
            round=0,
            labels=0,
            train_seconds=1,
            journal_position=0,
            class_ids=class_ids,
            metrics={},
        )
    for item in items:
        _label(store, item, 0)
    _label(store, store.push(2, "review"), 1)  # corrected later: what was seen first is what counts
    nan = np.nan
    wanted = np.array([[0.3, 0.2, 0], [nan] * 3, [0.1, 0.2, 0.7], [nan] * 3], np.float32)
    np.testing.assert_allclose(store.before(np.arange(4)), wanted)
    store.merge_class(third, 1)
    np.testing.assert_allclose(store.before(np.array([2, 0])), [[0.1, 0.9], [0.3, 0.2]], rtol=1e-6)


def test_counts(store: Store, clock: Clock) -> None:
    items = _queue(store, *(NewItem(row, "reference" if row == 0 else "query") for row in range(6)))
    clock.advance(-86_400)
    _label(store, items[0], 1)
    clock.advance(86_400)
    _label(store, items[1], 1)
    store.annotate(token="s", item=items[2].id, annotator="ann", action="skip")
    store.annotate(token="f", item=items[3].id, annotator="ann", action="flag")
    counts = store.counts()
    assert (counts.labeled, counts.skipped, counts.flagged, counts.today) == (2, 1, 1, 1)
    assert (counts.by_class, counts.by_kind) == ({0: 0, 1: 2}, {"reference": 1, "query": 1})


def test_pace_is_robust_to_breaks_and_adds_up_over_people(store: Store, clock: Clock) -> None:
    items = _queue(store, *(NewItem(row) for row in range(12)))
    assert store.pace() is None
    for item, seconds in zip(items[:6], [2.0, 3.0, 4.0, 3.0, 3.0, 90.0], strict=True):
        clock.advance(500)
        _label(store, item, 0, seconds=seconds)
    assert store.pace("ann") == store.pace() == 3.0
    for item in items[6:]:  # no seconds from the page: the time between two labels
        clock.advance(6)
        _label(store, item, 0, "ben")
    assert (store.pace("ann"), store.pace("ben")) == (3.0, 6.0)
    assert store.pace() == pytest.approx(2.0)  # 1/3 + 1/6 labels a second
    assert store.pace("nobody") is None


def test_votes_are_the_latest_of_each(store: Store) -> None:
    store.set("overlap", 2)
    (item,) = _queue(store, NewItem(4))
    _label(store, item, 0)
    _label(store, item, 1, "ben")
    _label(store, item, 1)
    assert [(v.row, v.annotator, v.class_id, v.kind) for v in store.votes()] == [
        (4, "ann", 1, "query"),
        (4, "ben", 1, "query"),
    ]


def test_labels_of_some_kinds(store: Store) -> None:
    first, second = _queue(store, NewItem(0), NewItem(1, "reference"))
    _label(store, first, 0)
    _label(store, second, 1)
    assert store.labels(["query"])[0].tolist() == [0]
    assert store.labels([])[0].tolist() == []
    with pytest.raises(UsageError, match="'audit' is not a kind of item"):
        store.labels(["audit"])


def test_arrays_given_out_are_read_only(store: Store) -> None:
    _label(store, _queue(store, NewItem(0))[0], 0)
    for array in (*store.labels(), store.skipped_rows(), store.queued_rows(), store.before(np.array([0]))):
        assert not array.flags.writeable


def test_annotations_are_listed_by_page_person_row_and_action(store: Store) -> None:
    items = _queue(store, *(NewItem(row) for row in range(5)))
    for item in items:
        _label(store, item, 0, "ann" if item.row % 2 else "ben")
    store.undo(token="u", annotator="ann")
    assert [one.row for one in store.annotations(limit=2)] == [4, 3]
    assert [one.row for one in store.annotations(limit=2, before=store.annotations(limit=2)[-1].id)] == [2, 1]
    assert [(one.row, one.undone) for one in store.annotations(annotator="ann")] == [(3, True), (1, False)]
    assert [one.annotator for one in store.annotations(row=2)] == ["ben"]
    assert [(one.row, one.undoes) for one in store.annotations(action="undo")] == [(3, 6)]


def test_teach_records_all_or_nothing_once(store: Store) -> None:
    waiting, _ = _queue(store, NewItem(7), NewItem(8))
    assert store.teach([7, 9], [1, 0], token="file", annotator="ann", kind="import") == 2
    assert store.teach([7, 9], [1, 0], token="file", annotator="ann", kind="import") == 0
    assert [rows.tolist() for rows in store.labels()] == [[7, 9], [1, 0]]
    assert store.counts().by_kind == {"query": 1, "import": 1}
    assert store.item(waiting.id).answered
    assert [item.row for item in store.reserve("ben", 5)] == []
    assert store.enqueue(0, [NewItem(9)]) == 0
    for rows, classes in (([1], [0, 1]), ([1, 1], [0, 0]), ([-1], [0])):
        with pytest.raises(UsageError, match="give each row once"):
            store.teach(rows, classes, token="bad", annotator="ann")
    with pytest.raises(Conflict, match="There is no class 5"):
        store.teach([10, 11], [0, 5], token="bad", annotator="ann")
    assert (store.journal_position(), store.rebuild()) == (4, 0)
    undone = store.undo(token="u", annotator="ann")
    assert undone is not None
    assert undone[1].row == 9


def test_today_begins_at_local_midnight(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        items = _queue(store, NewItem(0), NewItem(1))
        clock.advance(2 * 3600)  # 14:00 UTC, 23:00 in Tokyo
        _label(store, items[0], 0)
        assert store.counts().today == 1
        clock.advance(2 * 3600)  # the next day in Tokyo
        _label(store, items[1], 0)
        assert store.counts().today == 1
    finally:
        monkeypatch.undo()
        time.tzset()

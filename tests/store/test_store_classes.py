from __future__ import annotations

import pytest

from tyrogue.errors import Conflict, UsageError
from tyrogue.store import NewItem, Store


def test_classes_have_ids_that_stay(store: Store) -> None:
    ids = [store.add_class(name).id for name in ("bad", " good ", "great")]
    store.rename_class(ids[0], "poor")
    store.merge_class(ids[2], ids[1])
    found = store.classes()
    assert [(c.id, c.name, c.position, c.merged_into, c.active) for c in found] == [
        (0, "poor", 0, None, True),
        (1, "good", 1, None, True),
        (2, "great", 2, 1, False),
    ]
    assert store.classes(active_only=True) == found[:2]
    assert store.class_index() == (0, 1)
    events = [(e.id, e.event, e.class_id, e.name, e.into) for e in store.class_events()]
    assert events == [
        (1, "add", 0, "bad", None),
        (2, "add", 1, "good", None),
        (3, "add", 2, "great", None),
        (4, "rename", 0, "poor", None),
        (5, "merge", 2, None, 1),
    ]


def test_a_merge_of_merged_classes_ends_at_the_last(store: Store) -> None:
    a, b, c = (store.add_class(name).id for name in "abc")
    store.merge_class(a, b)
    store.merge_class(b, c)
    assert [one.merged_into for one in store.classes()] == [c, c, None]


def test_a_name_is_free_again_once_its_class_is_merged(store: Store) -> None:
    a, b = (store.add_class(name).id for name in "ab")
    store.merge_class(a, b)
    assert store.add_class("a").id == 2
    store.rename_class(b, "b")  # its own name


def test_what_cannot_be_is_refused(store: Store) -> None:
    a, b = (store.add_class(name).id for name in "ab")
    with pytest.raises(Conflict, match=r"'a' already \(0\)"):
        store.add_class(" a ")
    with pytest.raises(Conflict, match="'a' already"):
        store.rename_class(b, "a")
    with pytest.raises(Conflict, match="into itself"):
        store.merge_class(a, a)
    with pytest.raises(Conflict, match="There is no class 7"):
        store.merge_class(a, 7)
    store.merge_class(a, b)
    merged = r"'a' \(0\) was merged into 'b' \(1\)"
    for one, into in ((a, b), (b, a)):
        with pytest.raises(Conflict, match=merged):
            store.merge_class(one, into)
    with pytest.raises(Conflict, match=merged):
        store.rename_class(a, "c")
    assert store.journal_position() == 3


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\0b", "\x1b[31mred", "x" * 201, "\ud800"])
def test_names_that_are_none(store: Store, name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        store.add_class(name)
    with pytest.raises(UsageError, match="name"):
        store.annotator(name)


@pytest.mark.parametrize("name", ["x" * 200, "مثبت", "👍🏽", "<script>", "=1+1", "Ве́ра", "'; DROP TABLE items; --"])
def test_any_other_name_comes_back_as_it_is(store: Store, name: str) -> None:
    store.add_class(name)
    assert store.classes()[0].name == name
    assert store.annotator(name).name == name


def test_composed_and_decomposed_letters_are_one_name(store: Store) -> None:
    store.add_class("caf\u00e9")
    with pytest.raises(Conflict):
        store.add_class("cafe\u0301")


def test_labels_given_to_a_class_are_counted_where_they_count(store: Store) -> None:
    a, b, c = (store.add_class(name).id for name in "abc")
    store.teach([1, 2, 3], [a, a, b], token="t", annotator="ann")
    store.merge_class(a, c)
    assert [one.labeled for one in store.classes()] == [0, 1, 2]


def test_votes_for_merged_classes_agree(store: Store) -> None:
    a, b, c = (store.add_class(name).id for name in "abc")
    store.set("overlap", 3)
    store.open_round(0, strategy="random", parameters={}, seed=0, mode="cached", size=1)
    store.enqueue(0, [NewItem(5)])
    for name, class_id in (("ann", a), ("ben", b), ("cem", c)):
        (item,) = store.reserve(name, 1)
        store.annotate(token=name, item=item.id, annotator=name, action="label", class_id=class_id)
    assert (store.labels()[1].tolist(), store.disputed_rows().tolist()) == ([c], [5])
    store.merge_class(a, b)  # two of three now
    assert (store.labels()[1].tolist(), store.disputed_rows().tolist()) == ([b], [5])
    store.merge_class(c, b)
    assert (store.labels()[1].tolist(), store.disputed_rows().tolist()) == ([b], [])
    assert store.rebuild() == 0

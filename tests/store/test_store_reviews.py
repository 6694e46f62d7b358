"""Second looks: what is listed, in what order, and what a review does to what counts. On both databases."""

from __future__ import annotations

import pytest

from tyrogue.errors import Conflict, UsageError
from tyrogue.store import Looked, NewItem, Store, Wanted
from tyrogue.testing.stores import Clock

KINDS = ("query", "reference", "query", "search")


@pytest.fixture
def labeled(store: Store, clock: Clock) -> Store:
    """Rows 0 to 11 labeled by Ada or Bo with classes 0 and 1 in turn, one a second but rows 4 and 5 at once."""
    for name in ("yes", "no"):
        store.add_class(name)
    for round in (0, 1):
        store.open_round(round, strategy="random", parameters={}, seed=0, mode="cached", size=6)
        store.enqueue(round, [NewItem(row, KINDS[row % 4]) for row in range(6 * round, 6 * round + 6)])
    for row in range(12):
        clock.advance(0 if row == 5 else 1)
        who = ("Ada", "Bo")[row % 3 == 0]
        (item,) = store.reserve(who, 1)
        store.annotate(token=f"first-{row}", item=item.id, annotator=who, action="label", class_id=item.row % 2)
    return store


def rows(found: list[Looked]) -> list[int]:
    return [one.row for one in found]


def walk(store: Store, wanted: Wanted, limit: int) -> list[int]:
    """Reads all pages."""
    seen: list[int] = []
    after = None
    while page := store.looked(wanted, limit=limit, after=after):
        seen += rows(page)
        assert page[-1].created is not None
        after = page[-1].created, page[-1].row
    return seen


@pytest.mark.parametrize("limit", [1, 2, 5, 12, 100])
def test_pages_list_every_label_once_newest_first(labeled: Store, limit: int) -> None:
    assert walk(labeled, Wanted(), limit) == list(range(11, -1, -1))


def test_filters_hold_together(labeled: Store) -> None:
    everything = range(11, -1, -1)
    assert walk(labeled, Wanted(class_id=1), 4) == [row for row in everything if row % 2 == 1]
    assert walk(labeled, Wanted(annotator="Bo"), 4) == [row for row in everything if row % 3 == 0]
    assert walk(labeled, Wanted(kind="reference"), 4) == [9, 5, 1]
    assert walk(labeled, Wanted(round=0), 4) == [5, 4, 3, 2, 1, 0]
    assert walk(labeled, Wanted(class_id=1, annotator="Bo", round=1), 4) == [9]
    assert rows(labeled.looked(Wanted(class_id=0), limit=9, rows=[3, 4, 8, 999])) == [8, 4]


def test_a_correction_appends_outranks_and_comes_first(labeled: Store, clock: Clock) -> None:
    before = labeled.journal_position()
    clock.advance(5)
    made = labeled.review(row=2, token="again", annotator="Cy", action="label", class_id=1, note="look twice")
    assert (made.kind, made.id) == ("review", before + 1)
    assert labeled.label_of(2) == 1
    first = labeled.looked(Wanted(), limit=1)[0]
    assert (first.row, first.class_id, first.annotator, first.note) == (2, 1, "Cy", "look twice")
    assert first.adjudicated
    assert [one.class_id for one in labeled.annotations(row=2)] == [1, 0], "what was said before is still there"
    assert labeled.ready() == 0, "nobody is asked about it again"
    assert labeled.rebuild() == 0


def test_the_same_token_reviews_once(labeled: Store) -> None:
    first = labeled.review(row=2, token="again", annotator="Cy", action="label", class_id=1)
    assert labeled.review(row=2, token="again", annotator="Cy", action="label", class_id=0) == first
    with pytest.raises(Conflict):
        labeled.review(row=3, token="again", annotator="Cy", action="label", class_id=1)
    assert labeled.label_of(2) == 1


def test_a_text_of_the_reference_sample_stays_one(labeled: Store) -> None:
    labeled.review(row=5, token="again", annotator="Cy", action="label", class_id=0)
    assert labeled.labels(kinds=("reference",))[0].tolist() == [1, 5, 9]
    assert labeled.labels(kinds=("review",))[0].tolist() == []


def test_a_correction_keeps_why_the_text_was_asked(labeled: Store) -> None:
    for row in (0, 3, 5):  # queried, searched, a check
        labeled.review(row=row, token=f"look-{row}", annotator="Cy", action="label", class_id=1 - row % 2)
    labeled.adjudicate(2, 1, token="settle", annotator="Cy")
    fresh = labeled.push(30, "review")
    labeled.annotate(token="fresh", item=fresh.id, annotator="Cy", action="label", class_id=0)
    of_kind = {kind: labeled.labels(kinds=(kind,))[0].tolist() for kind in ("query", "reference", "search", "review")}
    assert of_kind == {"query": [0, 2, 4, 6, 8, 10], "reference": [1, 5, 9], "search": [3, 7, 11], "review": [30]}
    assert {one.row: one.kind for one in labeled.label_records()}[2] == "query"
    assert labeled.counts().by_kind == {"query": 6, "reference": 3, "search": 3, "review": 1}
    assert walk(labeled, Wanted(kind="query"), 4).count(0) == 1
    assert sorted(walk(labeled, Wanted(kind="review"), 4)) == [0, 2, 3, 5, 30], "all that were looked at again"
    assert labeled.rebuild() == 0


def test_a_flag_waits_until_it_is_reviewed_and_a_note_changes_nothing(labeled: Store) -> None:
    labeled.review(row=7, token="flag", annotator="Cy", action="flag", note="sure?")
    assert rows(labeled.looked(Wanted(only="flagged"), limit=9)) == [7]
    labeled.review(row=7, token="note", annotator="Ada", action="note", note="asked her")
    (one,) = labeled.looked(Wanted(only="flagged"), limit=9)
    assert (one.class_id, one.note) == (1, "sure?\nasked her")
    labeled.review(row=7, token="fine", annotator="Ada", action="label", class_id=1)
    assert labeled.looked(Wanted(only="flagged"), limit=9) == []
    assert labeled.rebuild() == 0


def test_rows_without_a_label_are_listed_where_they_are_asked_for(labeled: Store) -> None:
    item = labeled.push(20, "search")
    labeled.annotate(token="skip", item=item.id, annotator="Ada", action="skip")
    assert rows(labeled.looked(Wanted(only="skipped"), limit=9)) == [20]
    assert 20 not in walk(labeled, Wanted(), 50)
    labeled.review(row=20, token="now", annotator="Ada", action="label", class_id=0)
    assert labeled.label_of(20) == 0


def test_those_who_disagree_are_found(labeled: Store) -> None:
    item = labeled.annotations(row=4)[0].item
    labeled.annotate(token="other", item=item, annotator="Bo", action="label", class_id=1)
    assert rows(labeled.looked(Wanted(only="disputed"), limit=9)) == [4]
    labeled.review(row=4, token="settled", annotator="Cy", action="label", class_id=0)
    assert labeled.looked(Wanted(only="disputed"), limit=9) == []


def test_undo_of_a_review_brings_the_old_label_back(labeled: Store) -> None:
    labeled.review(row=2, token="again", annotator="Cy", action="label", class_id=1)
    undone = labeled.undo(token="undo", annotator="Cy")
    assert undone is not None
    assert (undone[1].row, undone[1].kind) == (2, "review")
    assert labeled.label_of(2) == 0
    assert labeled.rebuild() == 0


def test_what_nobody_decided_cannot_be_reviewed(labeled: Store) -> None:
    with pytest.raises(UsageError, match="row 50"):
        labeled.review(row=50, token="again", annotator="Cy", action="label", class_id=1)
    with pytest.raises(Conflict):
        labeled.review(row=2, token="again", annotator="Cy", action="label", class_id=9)
    with pytest.raises(UsageError):
        labeled.review(row=2, token="again", annotator="Cy", action="label")
    assert labeled.label_of(2) == 0


def test_a_record_in_the_settings_only_grows(store: Store) -> None:
    store.append("promotion", {"on": True})
    told = store.append("promotion", {"on": False})
    assert [one["on"] for one in told] == [True, False]
    assert store.get("promotion") == told
    assert all(one["at"] for one in told)

"""Credentials, adjudication, ties, and what annotators have done; on SQLite and PostgreSQL."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tyrogue.errors import Conflict, UsageError
from tyrogue.store import NewItem, Store
from tyrogue.store.truth import Said, verdict
from tyrogue.testing.stores import Clock


def queue(store: Store, n: int, overlap: int = 1) -> None:
    for name in ("a", "b", "c"):
        store.add_class(name)
    store.set("overlap", overlap)
    store.open_round(0, strategy="tyrogue", parameters={}, seed=1, mode="cached", size=n, ratio=3)
    store.enqueue(0, [NewItem(row, model_version="m1") for row in range(n)])


def say(store: Store, who: str, row: int, class_id: int) -> None:
    item = next(item for item in store.reserve(who, 50) if item.row == row)
    store.annotate(token=f"{who} {row}", item=item.id, annotator=who, action="label", class_id=class_id, seconds=2.0)


def test_a_secret_lets_its_owner_in_until_it_ends(store: Store, clock: Clock) -> None:
    assert not store.has_team()
    with pytest.raises(Conflict, match=r"nobody named 'ann'.*tyrogue invite"):
        store.issue("ann", "token", seconds=60)
    store.annotator("ann", "reviewer")
    secret, kept = store.issue("ann", "token", seconds=60, label="script")
    assert (kept.annotator, kept.role, kept.kind, kept.label) == ("ann", "reviewer", "token", "script")
    found = store.whose(secret, "session", "token")
    assert found is not None
    assert (found.name, found.role) == ("ann", "reviewer")
    assert store.whose(secret, "session") is None, "a token is no session"
    assert store.whose(secret[:-1], "token") is None
    assert store.has_team()
    clock.advance(61)
    assert (store.whose(secret, "token"), store.has_team(), store.credentials()) == (None, False, [])
    for kind, seconds in (("key", 60.0), ("token", 0.0), ("token", 5e-324), ("token", 0.5), ("token", 1e9)):
        with pytest.raises(UsageError, match="Kinds"):
            store.issue("ann", kind, seconds=seconds)


def test_of_many_who_use_an_invitation_at_once_one_gets_in(store: Store) -> None:
    store.annotator("ann")
    secret, _ = store.issue("ann", "invitation", seconds=60)
    gate = Barrier(6)

    def use(_: int) -> bool:
        gate.wait()
        return store.whose(secret, "invitation", use_up=True) is not None

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(use, range(6))) == 1


def test_secrets_end_one_by_one_by_number_and_all_at_once(store: Store) -> None:
    store.annotator("ann")
    secrets = [store.issue("ann", "session", seconds=60) for _ in range(4)]
    assert store.end(secret=secrets[0][0]) == 1
    assert store.end(id=secrets[1][1].id) == 1
    assert [store.whose(secret, "session") is not None for secret, _ in secrets] == [False, False, True, True]
    assert (store.end(annotator="ann"), store.end(annotator="ann")) == (2, 0)
    with pytest.raises(UsageError, match="Say which"):
        store.end()


def test_who_leaves_gives_back_what_he_has_in_hand(store: Store) -> None:
    queue(store, 3)
    assert len(store.reserve("ann", 3)) == 3
    store.set_password("ann", "x")
    assert store.reserve("ben", 3) == []
    store.remove_annotator("ann")
    assert len(store.reserve("ben", 3)) == 3
    assert store.password_of("ann") is None
    assert store.annotators()[0].left is not None
    store.welcome_back("ann")
    assert store.annotators()[0].left is None


def test_adjudication_counts_and_keeps_what_was_said(store: Store) -> None:
    queue(store, 2, overlap=3)
    say(store, "ann", 0, 0)
    say(store, "ben", 0, 1)
    assert (store.disputes(), store.dispute_count()) == ([(0, True)], 1)
    record = store.adjudicate(0, 2, token="j1", annotator="rob", note="see guideline 3")
    assert (record.kind, record.class_id, record.note) == ("review", 2, "see guideline 3")
    assert store.adjudicate(0, 2, token="j1", annotator="rob").id == record.id, "the same token records once"
    assert (store.label_of(0), store.disputes()) == (2, [])
    assert [item.row for item in store.reserve("chi", 5)] == [1], "nobody is asked about it any more"
    said = {(vote.annotator, vote.class_id, vote.kind, vote.model_version) for vote in store.votes([0])}
    assert said == {("ann", 0, "query", "m1"), ("ben", 1, "query", "m1"), ("rob", 2, "review", None)}
    (label,) = store.label_records()
    assert (label.annotator, label.agreed, label.adjudicated, label.tied) == ("rob", False, True, False)
    undone = store.undo(token="u1", annotator="rob")
    assert undone is not None
    assert (store.label_of(0), store.disputes()) == (1, [(0, True)])
    with pytest.raises(Conflict, match="Nobody was asked about row 77"):
        store.adjudicate(77, 2, token="j2", annotator="rob")
    with pytest.raises(Conflict, match="used for row 0"):
        store.adjudicate(1, 2, token="j1", annotator="rob")
    assert store.rebuild() == 0


def test_a_reviewer_who_labeled_too_has_two_votes(store: Store) -> None:
    queue(store, 1, overlap=2)
    say(store, "ann", 0, 0)
    say(store, "ben", 0, 1)
    store.adjudicate(0, 0, token="j1", annotator="ben")
    assert [(v.annotator, v.class_id, v.kind) for v in store.votes()] == [
        ("ann", 0, "query"), ("ben", 1, "query"), ("ben", 0, "review"),
    ]  # fmt: skip


def test_a_majority_trains_and_a_tie_does_not(store: Store) -> None:
    queue(store, 3, overlap=3)
    for who, said in (("ann", (0, 0, 0)), ("ben", (0, 1, 1)), ("chi", (1, 1, 2))):
        for row, class_id in enumerate(said):
            say(store, who, row, class_id)
    assert [part.tolist() for part in store.labels()] == [[0, 1, 2], [0, 1, 2]]
    assert [part.tolist() for part in store.labels(ties=False)] == [[0, 1], [0, 1]]
    store.merge_class(2, 1)
    assert [part.tolist() for part in store.labels(ties=False)] == [[0, 1, 2], [0, 1, 1]], "merged, they agree"
    assert store.rebuild() == 0


WHEN = Clock().now


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.booleans()), min_size=1, max_size=12))
def test_a_tie_is_two_classes_with_the_most_votes_and_no_review(said: list[tuple[int, int, bool]]) -> None:
    about = [
        Said(n, who, "label", class_id, "review" if review else "query", WHEN)
        for n, (who, class_id, review) in enumerate(said)
    ]
    last = {who: (class_id, review) for who, class_id, review in said}
    counts = Counter(class_id for class_id, _ in last.values()).most_common()
    wanted = not any(review for _, review in last.values()) and len(counts) > 1 and counts[0][1] == counts[1][1]
    assert verdict(about, {n: n for n in range(4)}).tied == wanted


def test_work_is_counted_for_each(store: Store, clock: Clock) -> None:
    queue(store, 6)
    clock.advance(-86_400)
    say(store, "ann", 0, 0)
    clock.advance(86_400)
    say(store, "ann", 1, 0)
    store.release("ann")
    one, two, three = store.reserve("ben", 3)
    store.annotate(token="s", item=one.id, annotator="ben", action="skip")
    store.annotate(token="f", item=two.id, annotator="ben", action="flag")
    store.annotate(token="l", item=three.id, annotator="ben", action="label", class_id=1, seconds=4.0)
    store.undo(token="u", annotator="ben")
    ann, ben = store.work()
    assert (ann.annotator, ann.labels, ann.today, ann.pace, ann.last) == ("ann", 2, 1, 2.0, clock.now)
    assert (ben.annotator, ben.labels, ben.skips, ben.flags, ben.today) == ("ben", 0, 1, 1, 2)


def test_fresh_items_are_those_that_anybody_may_have(store: Store) -> None:
    queue(store, 4, overlap=2)
    say(store, "ann", 0, 0)
    store.release("ann")
    assert (store.ready(), store.ready(fresh=True)) == (4, 3)


def test_overlap_gives_a_text_to_so_many_and_never_twice_to_one(store: Store) -> None:
    queue(store, 12, overlap=3)
    gate = Barrier(5)

    def work(who: str) -> list[int]:
        gate.wait()
        rows: list[int] = []
        asked_in_vain = 0
        while asked_in_vain < 20:  # an item that somebody is deciding on at this moment is passed over: ask again
            items = store.reserve(who, 2)
            asked_in_vain = 0 if items else asked_in_vain + 1
            for item in items:
                store.annotate(token=f"{who} {item.id}", item=item.id, annotator=who, action="label", class_id=0)
                rows.append(item.row)
            if not items:
                time.sleep(0.02)
        return rows

    with ThreadPoolExecutor(5) as threads:
        shares = list(threads.map(work, [f"p{n}" for n in range(5)]))
    assert all(len(set(rows)) == len(rows) for rows in shares)
    assert np.unique([row for rows in shares for row in rows], return_counts=True)[1].tolist() == [3] * 12

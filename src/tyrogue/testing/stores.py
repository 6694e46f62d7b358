"""The contract of a store: what the labeling app and the trainer rely on, as checks that any store can be put to.

    from tyrogue.testing.stores import STORE_CONTRACT, Bench, Clock

    @pytest.mark.parametrize("check", STORE_CONTRACT)
    def test_contract(check): check(Bench(open=..., new_item=NewItem, clock=Clock()))

Each check gets a bench with a new, empty project, and raises AssertionError when the store breaks its word.
`store_machine` (in `tyrogue.testing.store_machine`) puts a store beside a plain dict and does random things to both.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tyrogue.testing.store_bench import AnyStore, Bench, Clock, current, expect, label


def check_token_records_once(bench: Bench) -> None:
    """A token sent again, after a restart or by many threads at once, records once."""
    with bench.queued() as store:
        item = store.reserve("ann", 1)[0]
        first = label(store, "a", item.id, 0)
        expect(label(store, "a", item.id, 0), first, "the record of a token sent twice")
    with bench.store() as store, ThreadPoolExecutor(8) as threads:
        expect(label(store, "a", item.id, 0), first, "the record of a token sent again after a restart")
        other, gate = store.reserve("ann", 1)[0], threading.Barrier(8)
        same = list(threads.map(lambda _: (gate.wait(), label(store, "b", other.id, 1))[1], range(8)))
        expect(same, [same[0]] * 8, "the records of a token sent by eight threads")
        expect([one.token for one in store.annotations()], ["b", "a"], "the journal")
        expect(current(store), {item.row: 0, other.row: 1}, "the labels")


def check_latest_label_wins(bench: Bench) -> None:
    """A correction counts from then on, and the journal keeps both."""
    with bench.queued() as store:
        item = store.reserve("ann", 1)[0]
        label(store, "a", item.id, 0)
        label(store, "b", item.id, 1)
        expect(current(store), {item.row: 1}, "the label after a correction")
        expect([(one.class_id, one.undone) for one in store.annotations()], [(1, False), (0, False)], "the journal")
        store.undo(token="c", annotator="ann")
        expect(current(store), {item.row: 0}, "the label after the correction was taken back")


def check_undo_appends(bench: Bench) -> None:
    """Undo goes back decision by decision, removes nothing, and makes the item the next one again."""
    with bench.queued() as store:
        items = store.reserve("ann", 3)
        for item in items[:2]:
            label(store, f"label {item.id}", item.id, 1)
        before, tokens = store.journal_position(), [one.token for one in store.journal()]
        for item in reversed(items[:2]):
            undone = store.undo(token=f"undo {item.id}", annotator="ann")
            again = store.undo(token=f"undo {item.id}", annotator="ann")
            expect(undone and (undone[0].token, undone[0].undone), (f"label {item.id}", True), "what was undone")
            expect(again and again[0].token, undone and undone[0].token, "an undo sent twice")
        expect(store.undo(token="more", annotator="ann"), None, "an undo with nothing left")
        expect(current(store), {}, "the labels after all was taken back")
        expect([item.id for item in store.reserve("ann", 3)], [item.id for item in items], "the next items")
        expect(store.journal_position(), before + 2, "the length of the journal")
        expect([one.token for one in store.journal()][: len(tokens)], tokens, "the start of the journal")


def check_skip_stays_away(bench: Bench) -> None:
    """What was skipped or flagged comes back to nobody, and is no label."""
    with bench.queued(3) as store:
        skipped, flagged, last = store.reserve("ann", 3)
        store.annotate(token="a", item=skipped.id, annotator="ann", action="skip")
        store.annotate(token="b", item=flagged.id, annotator="ann", action="flag", note="odd")
        expect([item.id for item in store.reserve("ann", 3)], [last.id], "what is left")
        expect(list(store.reserve("ben", 3)), [], "what is left for somebody else")
        marked = (store.skipped_rows().tolist(), store.flagged_rows().tolist(), current(store))
        expect(marked, ([skipped.row], [flagged.row], {}), "skipped, flagged and labeled rows")


def check_nobody_shares(bench: Bench) -> None:
    """Eight threads that reserve and label at once never get the same item, and lose no label."""
    with bench.queued(96) as store, ThreadPoolExecutor(8) as threads:
        gate = threading.Barrier(8)

        def work(name: str) -> list[int]:
            gate.wait()
            rows: list[int] = []
            while items := store.reserve(name, 3):
                for item in items:
                    label(store, f"{name} {item.id}", item.id, item.row % 2, name)
                    rows.append(item.row)
            return rows

        shares = list(threads.map(work, [f"person {n}" for n in range(8)]))
        expect(sorted(row for share in shares for row in share), list(range(96)), "the rows that were served")
        expect(current(store), {row: row % 2 for row in range(96)}, "the labels")


def check_lease_expires(bench: Bench) -> None:
    """A reservation that is not renewed returns to the queue; one that is renewed does not."""
    with bench.queued(2) as store:
        (away,), (here,) = store.reserve("away", 1, lease_seconds=60), store.reserve("here", 1, lease_seconds=60)
        bench.clock.advance(59)
        store.reserve("here", 1, lease_seconds=60)
        expect(list(store.reserve("third", 2)), [], "items while both are reserved")
        bench.clock.advance(2)
        expect([item.id for item in store.reserve("third", 2)], [away.id], "items after one lease ended")
        expect([item.id for item in store.reserve("here", 1)], [here.id], "the item of who renewed")
        expect(list(store.reserve("away", 1)), [], "items of who came back too late")


def check_restart_serves_the_same(bench: Bench) -> None:
    """After a restart what was reserved comes first and in its order, and everything written is there."""
    facts: dict[str, NDArray[Any]] = {
        "cluster": np.arange(4),
        "far": np.array([0.5, 1.0, np.nan, 2.0], np.float32),
        "step": np.array(["a"] * 4),
    }
    with bench.queued() as store:
        label(store, "a", store.reserve("ann", 1)[0].id, 1)
        store.set("guidelines", {"text": "Be kind. \u2603"})
        store.save_stage(0, np.arange(9), np.array([7, 1, 5, 2]), facts)
        reserved, waiting, labels = store.reserve("ann", 4), store.ready(), current(store)
    with bench.store() as store:
        expect(list(store.reserve("ann", 4)), list(reserved), "the reserved items")
        expect((store.ready(), current(store)), (waiting, labels), "queue and labels")
        expect(store.get("guidelines"), {"text": "Be kind. \u2603"}, "the setting")
        stage = store.stage(0)
        expect(stage and stage.rows.tolist(), [7, 1, 5, 2], "the stage's rows")
        for name, fact in facts.items():
            np.testing.assert_array_equal(stage.facts[name] if stage else None, fact, strict=True)


def check_replace_keeps_what_was_shown(bench: Bench) -> None:
    """A better ranking replaces what nobody has seen, and never what somebody has."""
    with bench.queued(6) as store:
        done, seen = store.reserve("ann", 2)
        label(store, "a", done.id, 0)
        store.release("ann")
        better = [bench.new_item(row=row) for row in (9, seen.row, 3, done.row, 9)]
        expect(store.enqueue(0, better, replace=True), 2, "the number of new items")
        rows = [item.row for item in store.reserve("ann", 9)]
        expect(rows, [seen.row, 9, 3], "the queue after a better ranking")
        expect(store.queued_rows().tolist(), sorted(rows), "the queued rows")


def check_pushed_comes_first(bench: Bench) -> None:
    """What a person asks for is next, once."""
    with bench.queued(4) as store:
        expect(
            [store.push(50, "search").kind, store.push(2, "search").kind], ["search", "query"], "kinds of pushed items"
        )
        expect([item.row for item in store.reserve("ann", 9)], [2, 50, 0, 1, 3], "the queue")


def check_classes_keep_their_labels(bench: Bench) -> None:
    """Renaming and merging move labels along; nothing is rewritten."""
    with bench.queued(3, classes=("bad", "good", "great")) as store:
        for item, class_id in zip(store.reserve("ann", 3), store.class_index(), strict=True):
            label(store, f"{item.id}", item.id, class_id)
        bad, good, great = store.class_index()
        position = store.journal_position()
        store.rename_class(bad, "poor")
        store.merge_class(great, good)
        expect(current(store), {0: bad, 1: good, 2: good}, "the labels after a merge")
        expect(store.class_index(), (bad, good), "the classes that are left")
        expect([one.class_id for one in store.annotations()], [great, good, bad], "the journal")
        expect(store.journal_position(), position + 2, "the length of the journal")
        expect(dict(store.counts().by_class), {bad: 1, good: 2}, "labels by class")


def check_overlap(bench: Bench) -> None:
    """With overlap 2 two people get an item, no third; review outranks both, a majority outranks the latest."""
    with bench.queued(1) as store:
        store.set("overlap", 2)
        (item,) = store.reserve("ann", 1)
        label(store, "a", item.id, 0)
        expect(list(store.reserve("ann", 1)), [], "the item for who decided it already")
        expect([one.id for one in store.reserve("ben", 1)], [item.id], "the item for a second person")
        expect(list(store.reserve("cem", 1)), [], "the item for a third person")
        label(store, "b", item.id, 1, "ben")
        expect(store.disputed_rows().tolist(), [item.row], "disputed rows")
        label(store, "c", item.id, 0, "cem")
        label(store, "d", item.id, 1, "ben")
        expect(current(store), {item.row: 0}, "the majority, though another label is the latest")
        label(store, "e", store.push(item.row, "review").id, 1, "dan")
        expect((current(store), store.disputed_rows().tolist()), ({item.row: 1}, []), "the label after review")


def check_as_many_people_as_wanted(bench: Bench) -> None:
    """With overlap 2, eight threads at once: two different people for each item, never three."""
    with bench.queued(24) as store, ThreadPoolExecutor(8) as threads:
        store.set("overlap", 2)
        gate = threading.Barrier(8)

        def work(name: str) -> list[int]:
            gate.wait()
            rows: list[int] = []
            while items := store.reserve(name, 3):
                for item in items:
                    label(store, f"{name} {item.id}", item.id, 0, name)
                    rows.append(item.row)
            return rows

        shares = list(threads.map(work, [f"person {n}" for n in range(8)]))
        served = sorted(row for share in shares for row in share)
        expect(served, sorted([*range(24), *range(24)]), "the rows that were served")
        expect([len(share) for share in shares], [len(set(share)) for share in shares], "different rows of each person")


def check_reference_stays_apart(bench: Bench) -> None:
    """A label of the reference sample never slips into training, not even by a correction in review."""
    with bench.queued(1, kind="reference") as store:
        label(store, "a", store.reserve("ann", 1)[0].id, 0)
        label(store, "b", store.push(0, "review").id, 1)
        expect(current(store, ["query", "search", "review"]), {}, "labels for training")
        expect(current(store, ["reference"]), {0: 1}, "labels of the reference sample")


def check_follows_from_the_journal(bench: Bench) -> None:
    """What the store keeps beside the journal is what the journal says."""
    with bench.queued(6) as store:
        for item in store.reserve("ann", 5):
            label(store, f"{item.id}", item.id, item.row % 2)
        store.undo(token="u", annotator="ann")
        store.merge_class(1, 0)
        labels, counts = current(store), store.counts()
        expect(store.rebuild(), 0, "the number of differences")
        expect((current(store), store.counts()), (labels, counts), "labels and counts after a rebuild")


STORE_CONTRACT: tuple[Callable[[Bench], None], ...] = (
    check_token_records_once,
    check_latest_label_wins,
    check_undo_appends,
    check_skip_stays_away,
    check_nobody_shares,
    check_lease_expires,
    check_restart_serves_the_same,
    check_replace_keeps_what_was_shown,
    check_pushed_comes_first,
    check_classes_keep_their_labels,
    check_overlap,
    check_as_many_people_as_wanted,
    check_reference_stays_apart,
    check_follows_from_the_journal,
)

__all__ = ["STORE_CONTRACT", "AnyStore", "Bench", "Clock"]

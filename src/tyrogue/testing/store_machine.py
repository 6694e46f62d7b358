"""A store beside a plain model: Hypothesis does random things to both and compares all that can be seen.

    TestStore = store_machine(make_bench).TestCase

The model is written from the contract's words, by brute force over lists, and shares nothing with a store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tyrogue.testing.paper_store import LEASE, Paper, Queued, Said
from tyrogue.testing.store_bench import AnyStore, Bench, current, expect

KINDS = ("query", "reference", "search", "review")
PEOPLE = st.sampled_from(["ann", "ann", "ben", "cem"])


class StoreMachine(RuleBasedStateMachine):
    """Does to a store and to the model what Hypothesis chooses, and compares them after every step."""

    make_bench: Callable[[], Bench]

    def __init__(self) -> None:
        super().__init__()
        self.bench, self.paper, self.tokens = self.make_bench(), Paper(), 0
        self.store: AnyStore = self.bench.open()

    @initialize()
    def begin(self) -> None:
        for _ in range(2):
            self.add_class()
        for number in range(2):
            self.store.open_round(number, strategy="random", parameters={}, seed=0, mode="cached", size=5)
        self.enqueue(0, [3, 1, 4, 5, 9, 2], "query", replace=False)
        self.reserve("ann", 3)
        self.annotate("ann", "label", Random(0), own=True)

    def token(self) -> str:
        self.tokens += 1
        return f"token {self.tokens}"

    @precondition(lambda self: len(self.paper.root) < 5)
    @rule()
    def add_class(self) -> None:
        id = self.store.add_class(f"class {len(self.paper.root)}").id
        self.paper.root[id] = id
        self.paper.records += 1

    @precondition(lambda self: len(self.paper.active()) > 2)
    @rule(choose=st.randoms(use_true_random=False))
    def merge(self, choose: Random) -> None:
        gone, into = choose.sample(self.paper.active(), 2)
        self.store.merge_class(gone, into)
        self.paper.root = {id: into if root == gone else root for id, root in self.paper.root.items()}
        self.paper.records += 1

    @rule(
        number=st.integers(0, 1),
        rows=st.lists(st.integers(0, 15), min_size=1, max_size=6),
        kind=st.sampled_from(["query", "reference"]),
        replace=st.booleans(),
    )
    def enqueue(self, number: int, rows: list[int], kind: str, replace: bool) -> None:
        p = self.paper
        if replace:
            p.items = [i for i in p.items if p.shown(i) or i.round != number or i.priority]
        new = list(dict.fromkeys(row for row in rows if row not in {item.row for item in p.items}))
        queued = self.store.enqueue(number, [self.bench.new_item(row=r, kind=kind) for r in rows], replace=replace)
        expect(queued, len(new), "the number of new items")
        after = max((item.position for item in p.items if item.round == number), default=-1) + 1
        p.items += [Queued(row, kind, number, after + place) for place, row in enumerate(new)]

    @rule(row=st.integers(0, 18), kind=st.sampled_from(["search", "review"]))
    def push(self, row: int, kind: str) -> None:
        p, pushed = self.paper, self.store.push(row, kind)
        found = [item for item in p.items if item.row == row and item.open]
        p.items += [] if found else [Queued(row, kind, -1, 0)]
        item = found[0] if len(found) == 1 else p.items[-1] if not found else self.among(found, pushed)
        p.front -= 1
        item.priority = p.front
        expect((pushed.row, pushed.kind), (item.row, item.kind), "the pushed item")

    def among(self, found: list[Queued], pushed: Any) -> Queued:
        """After an undo a row may wait twice; either may be the one that moves."""
        return next(item for item in found if item.id == pushed.id)

    @rule(who=PEOPLE, n=st.integers(1, 4))
    def reserve(self, who: str, n: int) -> None:
        p = self.paper
        held = p.hand(who)[:n]
        new = p.free_for(who)[: n - len(held)]
        items = self.store.reserve(who, n, lease_seconds=LEASE)
        expect([(i.row, i.kind) for i in items], [(i.row, i.kind) for i in held + new], f"what {who} gets")
        for seen, item in zip(items, held + new, strict=True):
            expect(item.id or seen.id, seen.id, "the number of an item")
            item.id = seen.id
        for item in held:
            p.held[item, who] = (p.now + LEASE, p.held[item, who][1])
        for item in new:
            p.hold(who, item)

    @precondition(lambda self: any(item.id is not None for item in self.paper.items))
    @rule(
        who=PEOPLE,
        action=st.sampled_from(["label", "label", "label", "skip", "flag", "note"]),
        choose=st.randoms(use_true_random=False),
        own=st.booleans(),
    )
    def annotate(self, who: str, action: str, choose: Random, own: bool) -> None:
        p, token = self.paper, self.token()
        item = choose.choice((own and p.hand(who)) or [item for item in p.items if item.id is not None])
        class_id = choose.choice(p.active()) if action == "label" else None

        def say() -> Any:
            return self.store.annotate(
                token=token, item=item.id or 0, annotator=who, action=action, class_id=class_id, note=note
            )

        note = "why" if action == "note" else None
        first = say()
        expect(say(), first, "the record of a token sent twice")
        p.records += 1
        if action != "note":
            p.said.append(Said(token, item, who, action, class_id))
            p.held.pop((item, who), None)
            p.settle(item)

    @rule(who=PEOPLE)
    def undo(self, who: str) -> None:
        p, token = self.paper, self.token()
        last = next((one for one in reversed(p.standing()) if one.who == who), None)
        undone = self.store.undo(token=token, annotator=who)
        expect(undone and undone[0].token, last and last.token, "what was undone")
        if last is not None:
            p.records += 1
            before = p.deciders(last.item)
            last.undone = True
            p.settle(last.item, undone=before != p.deciders(last.item))
            p.hold(who, last.item, first=True)
            p.held[last.item, who] = (p.now + 600, p.held[last.item, who][1])

    @rule(seconds=st.sampled_from([10.0, 60.0, LEASE]))
    def wait(self, seconds: float) -> None:
        self.bench.clock.advance(seconds)
        self.paper.now += seconds

    @rule(who=PEOPLE)
    def release(self, who: str) -> None:
        hand = self.paper.hand(who)
        expect(self.store.release(who), len(hand), "the number of released items")
        for item in hand:
            del self.paper.held[item, who]

    @rule(overlap=st.integers(1, 2))
    def set_overlap(self, overlap: int) -> None:
        self.store.set("overlap", overlap)
        self.paper.overlap = overlap
        for item in self.paper.items:
            item.open = item.open and len(self.paper.deciders(item)) < overlap

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.bench.open()

    @invariant()
    def says_the_same(self) -> None:
        p, store = self.paper, self.store
        labels = p.labels()
        expect(current(store), labels, "the labels")
        for kind in KINDS:
            of_kind = {row: label for row, label in labels.items() if p.kind(row) == kind}
            expect(current(store, [kind]), of_kind, f"the labels of kind {kind}")
        expect(store.skipped_rows().tolist(), p.skipped(), "the skipped rows")
        expect(store.flagged_rows().tolist(), p.flagged(), "the flagged rows")
        expect(_counted(store), (len(labels), _tally(p, labels), len(p.skipped()), len(p.flagged())), "the counts")
        queued = sorted({item.row for item in p.items if item.open or p.holders(item)})
        expect(store.queued_rows().tolist(), queued, "the queued rows")
        expect(store.ready(), p.ready(), "the number of items that wait")
        expect(store.journal_position(), p.records, "the length of the journal")

    def teardown(self) -> None:
        told = [(one.token, one.undone) for one in self.store.journal() if one.action in ("label", "skip", "flag")]
        expect(told, [(one.token, one.undone) for one in self.paper.said], "the journal")
        expect(self.store.rebuild(), 0, "what differs from the journal")
        self.store.close()


def store_machine(make_bench: Callable[[], Bench]) -> type[RuleBasedStateMachine]:
    """Gives the machine that compares the stores of these benches with the model."""
    return type("StoreMachine", (StoreMachine,), {"make_bench": staticmethod(make_bench)})


def _counted(store: AnyStore) -> tuple[int, dict[int, int], int, int]:
    counts = store.counts()
    return counts.labeled, dict(counts.by_class), counts.skipped, counts.flagged


def _tally(paper: Paper, labels: Mapping[int, int]) -> dict[int, int]:
    return {id: sum(label == id for label in labels.values()) for id in paper.active()}

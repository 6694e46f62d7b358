"""A store in lists and dicts, by brute force: what a real one is compared with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

LEASE = 100.0


@dataclass(eq=False)
class Queued:
    row: int
    kind: str
    round: int
    position: int
    priority: int = 0
    id: int | None = None
    """Learned when the store first shows it."""
    open: bool = True


@dataclass(eq=False)
class Said:
    token: str
    item: Queued
    who: str
    action: str
    class_id: int | None
    undone: bool = False


@dataclass
class Paper:
    """What a store should hold."""

    root: dict[int, int] = field(default_factory=dict)
    items: list[Queued] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    held: dict[tuple[Queued, str], tuple[float, int]] = field(default_factory=dict)
    overlap: int = 1
    now: float = 0.0
    front: int = 0
    records: int = 0

    def active(self) -> list[int]:
        return [id for id, root in self.root.items() if id == root]

    def standing(self) -> list[Said]:
        return [one for one in self.said if not one.undone]

    def deciders(self, item: Queued) -> set[str]:
        return {one.who for one in self.standing() if one.item is item}

    def holders(self, item: Queued) -> set[str]:
        return {who for (one, who), (until, _) in self.held.items() if one is item and until > self.now}

    def hand(self, who: str) -> list[Queued]:
        """What a person holds, in his order."""
        mine = [item for item in self.items if who in self.holders(item)]
        return sorted(mine, key=lambda item: self.held[item, who][1])

    def hold(self, who: str, item: Queued, *, first: bool = False) -> None:
        places = [place for (_, holder), (_, place) in self.held.items() if holder == who] or [0]
        self.held[item, who] = (self.now + LEASE, min(places) - 1 if first else max(places) + 1)

    def free_for(self, who: str) -> list[Queued]:
        waiting = sorted((item for item in self.items if item.open), key=lambda i: (i.priority, i.round, i.position))
        busy = {item: self.deciders(item) | self.holders(item) for item in waiting}
        return [item for item in waiting if who not in busy[item] and len(busy[item]) < self.overlap]

    def ready(self) -> int:
        busy = [len(self.deciders(item) | self.holders(item)) for item in self.items if item.open]
        return sum(n < self.overlap for n in busy)

    def settle(self, item: Queued, *, undone: bool = False) -> None:
        enough = len(self.deciders(item)) >= self.overlap
        # A closed item opens again only when a decision is taken back, and its maker has no other on it.
        item.open = not enough and (item.open or undone)
        if not item.open:
            self.held = {key: lease for key, lease in self.held.items() if key[0] is not item}

    def shown(self, item: Queued) -> bool:
        return item.id is not None

    def about(self, row: int) -> list[Said]:
        return [one for one in self.standing() if one.item.row == row]

    def label(self, row: int) -> int | None:
        """The latest vote in review, else the latest of those with the majority."""
        votes = {one.who: one for one in self.about(row) if one.action == "label"}
        order = [one for one in self.about(row) if one in votes.values()]
        reviews = [one for one in order if one.item.kind == "review"]
        classes = [self.root[one.class_id] for one in reviews or order if one.class_id is not None]
        tally = Counter(classes)
        best = [one for one in classes if reviews or tally[one] == max(tally.values())]
        return best[-1] if best else None

    def labels(self) -> dict[int, int]:
        found = {row: self.label(row) for row in sorted({one.item.row for one in self.standing()})}
        return {row: label for row, label in found.items() if label is not None}

    def skipped(self) -> list[int]:
        last = {(one.item.row, one.who): one.action for one in self.standing()}
        return sorted({row for (row, _), action in last.items() if action == "skip"} - self.labels().keys())

    def flagged(self) -> list[int]:
        """Flagged in somebody's last word, which no review that counts has answered."""
        found = set()
        for row in {one.item.row for one in self.standing()}:
            about = self.about(row)
            votes = {one.who: n for n, one in enumerate(about) if one.action == "label"}
            reviewed = max((n for n in votes.values() if about[n].item.kind == "review"), default=-1)
            last = {one.who: n for n, one in enumerate(about)}
            found |= {row for n in last.values() if about[n].action == "flag" and n > reviewed}
        return sorted(found)

    def kind(self, row: int) -> str:
        """Why it was first asked about: a check stays one, a second look is a reason only where there is no other."""
        kinds = [one.item.kind for one in self.about(row)]
        others = [kind for kind in kinds if kind != "review"]
        return "reference" if "reference" in kinds else others[0] if others else "review"

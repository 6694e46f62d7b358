"""Where a store is put to its contract: a clock that obeys, a project of its own, the words to ask with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tyrogue.types import Rows, Stage

START = datetime(2030, 5, 17, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class AnyStore(Protocol):
    """The part of a store that the contract speaks of. Records are known by their attributes."""

    def add_class(self, name: str) -> Any: ...
    def rename_class(self, id: int, name: str) -> Any: ...
    def merge_class(self, id: int, into: int) -> Any: ...
    def classes(self) -> Sequence[Any]: ...
    def class_index(self) -> tuple[int, ...]: ...
    def open_round(
        self, number: int, *, strategy: str, parameters: dict[str, Any], seed: int, mode: str, size: int
    ) -> Any: ...
    def save_stage(self, number: int, candidates: Rows, rows: Rows, facts: Mapping[str, NDArray[Any]]) -> None: ...
    def stage(self, number: int) -> Stage | None: ...
    def enqueue(self, round_number: int, items: Sequence[Any], *, replace: bool = False) -> int: ...
    def push(self, row: int, kind: str) -> Any: ...
    def reserve(self, annotator: str, n: int, *, lease_seconds: float = 600) -> Sequence[Any]: ...
    def release(self, annotator: str) -> int: ...
    def ready(self) -> int: ...
    def queued_rows(self) -> Rows: ...
    def annotate(
        self,
        *,
        token: str,
        item: int,
        annotator: str,
        action: str,
        class_id: int | None = None,
        note: str | None = None,
        seconds: float | None = None,
    ) -> Any: ...
    def undo(self, *, token: str, annotator: str) -> tuple[Any, Any] | None: ...
    def annotations(self, limit: int = 50) -> Sequence[Any]: ...
    def journal(self) -> Iterator[Any]: ...
    def journal_position(self) -> int: ...
    def labels(self, kinds: Sequence[str] | None = None) -> tuple[Rows, NDArray[np.int64]]: ...
    def skipped_rows(self) -> Rows: ...
    def flagged_rows(self) -> Rows: ...
    def disputed_rows(self) -> Rows: ...
    def counts(self) -> Any: ...
    def set(self, key: str, value: Any) -> None: ...
    def get(self, key: str) -> Any: ...
    def rebuild(self) -> int: ...
    def close(self) -> None: ...


@dataclass
class Bench:
    """A place to try a store in.

    Attributes:
        open: opens the store of this bench's project; called again, the same project again.
        new_item: makes what `enqueue` takes from `row` and `kind`.
        clock: what the store takes the time from.
    """

    open: Callable[[], AnyStore]
    new_item: Callable[..., Any]
    clock: Clock = field(default_factory=Clock)

    @contextmanager
    def store(self) -> Iterator[AnyStore]:
        store = self.open()
        try:
            yield store
        finally:
            store.close()

    @contextmanager
    def queued(self, n: int = 10, kind: str = "query", classes: Sequence[str] = ("no", "yes")) -> Iterator[AnyStore]:
        """Gives a store with classes and a round of rows 0 to n - 1 in its queue."""
        with self.store() as store:
            for name in classes:
                store.add_class(name)
            store.open_round(0, strategy="random", parameters={}, seed=0, mode="cached", size=n)
            store.enqueue(0, [self.new_item(row=row, kind=kind) for row in range(n)])
            yield store


def expect(seen: object, wanted: object, what: str) -> None:
    """Raises AssertionError unless the two are equal."""
    if seen != wanted:
        raise AssertionError(f"{what}: {wanted!r} was expected, and {seen!r} came.")


def current(store: AnyStore, kinds: Sequence[str] | None = None) -> dict[int, int]:
    """Gives the current labels as a dict."""
    rows, classes = store.labels(kinds)
    return dict(zip(rows.tolist(), classes.tolist(), strict=True))


def label(store: AnyStore, token: str, item: int, class_id: int, annotator: str = "ann") -> Any:
    return store.annotate(token=token, item=item, annotator=annotator, action="label", class_id=class_id)

"""What a request and an acquisition cost does not grow with the pool: counted in steps of SQLite and in bytes."""

from __future__ import annotations

import os
import sqlite3
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest
from small import CLASSES, Session, text_of, without_delay
from sqlalchemy import Engine, event

from tyrogue.corpus import sqlite as corpus
from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.encoders import vectors
from tyrogue.encoders.vectors import VectorFile
from tyrogue.labeling.plan import Plan
from tyrogue.store import Store

SMALL, LARGE = 2_000, 40_000


class Cost(NamedTuple):
    """What something cost: instructions of SQLite's machine, on texts and store, and the most bytes held at once."""

    steps: int
    bytes: int


class Meter:
    """Counts the steps of every SQLite connection opened while it is there."""

    def __init__(self) -> None:
        self.steps = 0

    def watch(self, connection: sqlite3.Connection, *_: object) -> None:
        connection.set_progress_handler(self._step, 1)

    def _step(self) -> int:
        self.steps += 1
        return 0

    def cost(self, work: Callable[[], object]) -> Cost:
        before = self.steps
        tracemalloc.start()
        try:
            work()
            return Cost(self.steps - before, tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()


@contextmanager
def metered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Meter]:
    meter, connect = Meter(), corpus._connect

    def watched(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        meter.watch(connection)
        return connection

    monkeypatch.setattr(corpus, "_connect", watched)
    event.listen(Engine, "connect", meter.watch)
    yield meter
    event.remove(Engine, "connect", meter.watch)


def a_session(folder: Path, n: int) -> Session:
    """Gives a session of n texts with gold labels, and as large a reference sample whatever n is."""
    folder.mkdir()
    lines = (f"{text_of(row)},{CLASSES[row % 2]}\n" for row in range(n))
    (folder / "texts.csv").write_text("text,label\n" + "".join(lines))
    import_source(folder / "texts.csv", folder / "one.tyrogue", index_search=False, reference=100)
    project = Project.open(folder / "one.tyrogue")
    plan = Plan(batch=10, model="linear", parameters=(("candidates", 150),))
    project.update(settings=plan.as_settings())
    with Store.open(project.store_url, project.key) as store:
        for name in CLASSES:
            store.add_class(name)
    return Session(project)


def costs(s: Session, meter: Meter) -> dict[str, Cost]:
    """Does everything that somebody may wait for, in a session that has a model."""
    s.settle()
    s.label(12)
    found: dict[str, Cost] = {}

    def measure(name: str, work: Callable[[], object]) -> None:
        work()  # imports, statements and caches of the first time
        found[name] = meter.cost(work)

    def submit() -> None:
        item = s.engine.next(1)["items"][0]["id"]
        s.engine.submit(token=uuid.uuid4().hex, item=item, action="label", class_id=0)

    def move(ratios: list[int]) -> Callable[[], None]:
        def moved() -> None:
            s.engine.change(ratio=ratios.pop())
            s.settle()

        return moved

    def refill() -> None:
        s.engine.next(10, f"somebody {uuid.uuid4().hex}")
        s.settle()

    measure("open", lambda: type(s.engine)(s.project, s.store))
    measure("next", lambda: s.engine.next(5))
    measure("submit", submit)
    measure("state", s.engine.state)
    measure("undo", lambda: s.engine.undo(token=uuid.uuid4().hex))
    measure("annotations", lambda: s.engine.annotations(limit=50, before=None))
    measure("row", lambda: s.engine.row(17))
    measure("preview", lambda: s.engine.preview([1, 3]))
    measure("push", lambda: s.engine.push(1234))
    measure("dial", move([5, 3]))
    measure("refill", refill)
    measure("train", lambda: s.label(10))
    return found


def test_nobody_waits_longer_for_a_larger_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_delay(monkeypatch)
    monkeypatch.setattr("tyrogue.labeling.dial.RATIOS", (1, 3))
    both: list[dict[str, Cost]] = []
    with metered(monkeypatch) as meter:
        for n in (SMALL, LARGE):
            s = a_session(tmp_path / str(n), n)
            both.append(costs(s, meter))
            s.close()
    small, large = both
    assert all(cost.steps > 20 for cost in small.values()), "the meter is not connected"
    for name, cost in large.items():
        more = f"{name}: {small[name]} of {SMALL} texts, {cost} of {LARGE}"
        # Twenty times the texts: even one step or one byte for each of them would show.
        assert cost.steps < 1.2 * small[name].steps + (LARGE - SMALL) // 4, more
        assert cost.bytes < 1.3 * small[name].bytes + (LARGE - SMALL) // 2, more


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_a_large_cache_does_not_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, dimension = 400_000, 384
    file = VectorFile.create(tmp_path / "cache", dimension)
    some = np.sort(np.random.default_rng(0).choice(rows, 4_000, replace=False)).astype(np.int64)
    file.write(some, np.ones((len(some), dimension), np.float32))
    os.truncate(tmp_path / "cache" / "vectors.f16", rows * dimension * 2)

    def grown() -> float:
        before = psutil.Process().memory_info().rss
        read, known = file.read(some)
        assert known.all()
        assert (read == 1).all()
        return (psutil.Process().memory_info().rss - before) / 2**20

    monkeypatch.setattr(vectors, "MOST_MAPPED", 1 << 20)
    lets_go = grown()
    monkeypatch.setattr(vectors, "MOST_MAPPED", 1 << 40)
    assert lets_go < grown() / 2


def test_the_meter_sees_a_walk_over_the_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with metered(monkeypatch) as meter:
        s = a_session(tmp_path / "one", SMALL)
        names: list[Any] = []
        walked = meter.cost(lambda: names.append(s.project.corpus.gold_names()))
        s.close()
    assert names == [sorted(CLASSES)]
    assert walked.steps > SMALL

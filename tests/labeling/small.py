"""A small project with a real store, a real embedding cache and a linear model; only the encoder is made up.

A text is `TOPIC WORD number N`: its embedding is a vector of the topic and one of the word, so that clusters and
classes are known, and everything is fast enough to label many texts in a second.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.pipeline import Pipeline
from tyrogue.labeling.plan import Plan
from tyrogue.models import logistic
from tyrogue.store import Store
from tyrogue.types import Floats, Text

LAYOUT = "import os, sys; from tyrogue.labeling.layout import main; os.nice = lambda _: 0; main(*sys.argv[1:])"
"""Lays out the map as the trainer's process does, but at the priority of the test that waits for it."""
TOPICS = ("harbour", "meadow", "kitchen", "engine", "violin", "glacier")
CLASSES = ("outside", "inside")
INSIDE = {"kitchen", "engine", "violin"}
Json = dict[str, Any]


def text_of(row: int) -> str:
    topic = TOPICS[row % len(TOPICS)]
    return f"{topic} word{row * 7919 % 97} number {row}"


def gold_of(text: str) -> str:
    return CLASSES[text.split()[0] in INSIDE]


def direction(word: str, dimension: int) -> Floats:
    """Gives a unit vector that depends on the word alone."""
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
    vector = np.random.default_rng(seed).normal(size=dimension)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


class WordEncoder:
    """Embeds a text as its first word, a good deal of its second, and a little of its number."""

    dimension = 16

    def __init__(self) -> None:
        self.fingerprint = "words-1"
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[Text]) -> Floats:
        self.encoded += [str(text) for text in texts]
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for i, text in enumerate(texts):
            words = str(text).split()
            weighted = zip((1.0, 0.6, 0.2), (words[0], words[1], words[-1]), strict=True)
            vector = sum(weight * direction(word, self.dimension) for weight, word in weighted)
            vectors[i] = vector / np.linalg.norm(vector)
        return vectors


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now: datetime = field(default_factory=lambda: datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def make_project(
    folder: Path,
    n: int = 400,
    *,
    classes: Sequence[str] = CLASSES,
    rename: Callable[[int], str] = text_of,
    **settings: Any,
) -> Project:
    """Gives a project of n texts, labeled in batches of ten unless told otherwise."""
    file = folder / "texts.csv"
    file.write_text("text\n" + "".join(f"{rename(row)}\n" for row in range(n)))
    import_source(file, folder / "small.tyrogue", index_search=False)
    project = Project.open(folder / "small.tyrogue")
    plan = Plan.of({"batch": 10, "model": "linear", "parameters": {"candidates": 150}} | settings, {})
    project.update(settings=plan.as_settings())
    with Store.open(project.store_url, project.key) as store:
        for name in classes:
            store.add_class(name)
    return project


def without_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes out what costs time and decides nothing here: looking for free cores, choosing the regularisation."""
    monkeypatch.setattr("tyrogue.labeling.ahead.use_free_threads", lambda: 1)
    monkeypatch.setattr("tyrogue.labeling.fitting.use_free_threads", lambda: 1)
    chosen = logistic.Chosen(1.0, 1.0, float("nan"), float("nan"), 0)
    monkeypatch.setattr("tyrogue.models.logistic.choose", lambda *_, **__: chosen)


class Session:
    """A project being labeled: web side and trainer side in one process, in step with one another."""

    def __init__(self, project: Project, clock: Clock | None = None) -> None:
        self.project, self.clock = project, clock or Clock()
        self.encoder = WordEncoder()
        self.said: list[str] = []
        self.open()

    def open(self) -> None:
        self.store = Store.open(self.project.store_url, self.project.key, clock=self.clock)
        self.engine = Engine(self.project, self.store)
        cache = CachedEncoder(self.encoder, self.project.cache_dir, len(self.project.corpus))
        self.pipeline = Pipeline(self.project, self.store, cache, say=lambda phase, *_: self.said.append(phase))

    def close(self) -> None:
        self.pipeline.fitter.close(patiently=True)
        self.store.close()

    def restart(self) -> None:
        """Ends both sides and starts them again, as after a crash between two steps."""
        self.close()
        self.open()

    def settle(self, seconds: float = 180.0) -> None:
        """Lets the trainer work until there is nothing to do."""
        until = time.monotonic() + seconds
        fitter = self.pipeline.fitter
        while self.pipeline.step() or fitter.busy:
            if time.monotonic() > until:
                raise AssertionError(f"the trainer does not come to rest; it said {self.said[-5:]}")
            while fitter.busy and not fitter.finished and time.monotonic() < until:
                time.sleep(0.001)  # how often the trainer looks for work meanwhile must not be counted by any test

    def ask(self, n: int = 1, annotator: str = "me") -> list[Json]:
        items: list[Json] = self.engine.next(n, annotator)["items"]
        return items

    def answer(self, item: Json, name: str | None = None, annotator: str = "me") -> Json:
        """Labels an item with its gold class, or with the class named."""
        self.clock.passes(3.0)
        classes = {c.name: c.id for c in self.store.classes(active_only=True)}
        receipt, _ = self.engine.submit(
            token=uuid.uuid4().hex, item=item["id"], action="label", annotator=annotator, seconds=3.0,
            class_id=classes[name or gold_of(item["text"])],
        )  # fmt: skip
        return receipt

    def label(self, n: int, *, settle: bool = True, annotator: str = "me") -> list[int]:
        """Labels the next n texts one by one; gives their rows."""
        rows = []
        for _ in range(n):
            [item] = self.ask(1, annotator)
            self.answer(item, annotator=annotator)
            rows.append(int(item["row"]))
            if settle:
                self.settle()
        return rows

    def waiting(self) -> list[int]:
        """Gives the rows that would be served next, in order, without serving them."""
        return [row for _, row in sorted(self.queue())]

    def queue(self) -> Iterator[tuple[tuple[int, int], int]]:
        """Gives ((round, position), row) of what nobody has seen."""
        from sqlalchemy import select

        from tyrogue.store.schema import items

        with self.store._read() as tx:
            for one in tx.rows(select(items).where(items.c.open, items.c.served.is_(None))):
                yield (one.round, one.position), one.row


@contextmanager
def session(folder: Path, n: int = 400, **settings: Any) -> Iterator[Session]:
    """Gives a settled session of a new project."""
    made = Session(make_project(folder, n, **settings))
    try:
        made.settle()
        yield made
    finally:
        made.close()


def wait_for(true: Callable[[], Any], what: str, seconds: float = 180.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not in {seconds} s")
        time.sleep(0.01)

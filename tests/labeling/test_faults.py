"""Whatever breaks, labeling goes on, the page says what happened, and the next round succeeds."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from small import WordEncoder, gold_of, make_project, session, wait_for, without_delay
from sqlalchemy import event

from tyrogue.encoders import vectors
from tyrogue.errors import NonFinite, ProjectError
from tyrogue.labeling import fitting, offline, timing, trainer
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.supervisor import Supervisor
from tyrogue.models import LinearClassifier, storage
from tyrogue.store import Store, database
from tyrogue.strategies import Tyrogue
from tyrogue.types import Inference

SMALL_TRAINER = (sys.executable, str(Path(__file__).with_name("small_trainer.py")))
LATER = 1e9


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses, except those that a test is about."""
    without_delay(monkeypatch)
    monkeypatch.setattr(trainer, "PATIENCE", (0.05,))
    monkeypatch.setattr(trainer, "POLL_SECONDS", 0.005)
    monkeypatch.setattr(trainer, "SHOWN_SECONDS", 0.2)


class Desk:
    """The web side of a project whose trainer runs elsewhere, on the real clock."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.project = make_project(folder, **settings)
        self.store = Store.open(self.project.store_url, self.project.key)
        self.engine = Engine(self.project, self.store)
        self.acknowledged: dict[int, int] = {}
        (self.project.path / "ready").touch()

    def label(self, n: int) -> None:
        """Labels n texts as somebody does who takes five at a time; fails when there is none within a moment."""
        for _ in range(n):
            item = self.next()
            class_id = ("outside", "inside").index(gold_of(item["text"]))
            receipt, _ = self.engine.submit(token=uuid.uuid4().hex, item=item["id"], action="label", class_id=class_id)
            self.acknowledged[receipt["id"]] = item["row"]

    def next(self) -> dict[str, Any]:
        wait_for(lambda: self.engine.next(5)["items"], f"something to label; {self.told}")
        first: dict[str, Any] = self.engine.next(5)["items"][0]
        return first

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = self.engine.state()["trainer"]
        return told

    def ready(self, n: int = 10) -> None:
        wait_for(lambda: self.store.ready() >= n, f"{n} texts in the queue; {self.told}")

    def trained_on(self, n: int) -> None:
        wait_for(
            lambda: (m := self.store.current_model()) is not None and m.labels >= n,
            f"a model of {n} labels; {self.told}",
        )

    def nothing_lost(self) -> None:
        recorded = {a.id: a.row for a in self.store.journal()}
        assert self.acknowledged.items() <= recorded.items()


@contextmanager
def working(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs the trainer's loop in a thread, with a store of its own."""
    monkeypatch.setattr(offline, "open_encoder", lambda *_, **__: WordEncoder())
    stop = threading.Event()
    with Store.open(desk.project.store_url, desk.project.key) as store:
        heart = trainer.Heart(store)
        arguments = (desk.project, store, heart, lambda: not stop.is_set())
        thread = threading.Thread(target=trainer.work, args=arguments)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)
            heart.stop()
            assert not thread.is_alive()


# A process that dies


def test_a_trainer_killed_while_staging_and_while_fitting(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    place = desk.project.path
    supervisor = Supervisor(place, SMALL_TRAINER)
    supervisor.tell(desk.store)
    supervisor.start()
    try:
        desk.ready()
        desk.engine.next(5)  # what is left is less than a batch
        wait_for(lambda: len(desk.store.rounds()) == 2 and desk.store.rounds()[1].queued, "a batch ahead")

        (place / "hang").write_text("stage")
        desk.label(8)  # another round is due
        wait_for((place / "hangs-in-stage").exists, "the third round is being staged")
        kill(supervisor)
        reserved = [item["id"] for item in desk.engine.next(5)["items"]]
        desk.label(3)
        wait_for(lambda: "signal 9" in (desk.told["error"] or ""), f"the page says so; {desk.told}")
        assert [item["id"] for item in desk.engine.next(2)["items"]] == reserved[3:], "what was reserved has changed"
        wait_for(lambda: desk.store.rounds()[-1].number >= 2 and desk.store.rounds()[-1].staged, "the round is staged")

        (place / "hang").write_text("fit")
        desk.label(4)
        wait_for((place / "hangs-in-fit").exists, "a model is being trained")
        kill(supervisor)
        desk.label(8)
        desk.trained_on(18)
        desk.nothing_lost()
    finally:
        supervisor.stop()
        desk.store.close()


def kill(supervisor: Supervisor) -> None:
    assert supervisor.process is not None
    os.kill(supervisor.process.pid, signal.SIGKILL)


def test_a_round_that_was_opened_is_read_and_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with session(tmp_path) as s:
        with monkeypatch.context() as broken:
            broken.setattr(Store, "enqueue", raising(OSError(errno.EIO, "unplugged")))
            s.ask(1)  # less than a batch is left: the next round is due
            with pytest.raises(OSError, match="unplugged"):
                s.settle()
        stage = s.store.stage(1)
        assert stage is not None
        assert s.store.rounds()[1].queued == 0
        s.restart()
        monkeypatch.setattr(Tyrogue, "stage", raising(AssertionError("staged again")))
        s.settle()
        assert s.store.rounds()[1].queued == 10
        queried = [row for row in s.waiting()[9:] if row not in s.project.corpus.reference]
        assert set(queried) <= set(stage.rows.tolist())


def raising(error: Exception) -> Callable[..., Any]:
    def function(*_: Any, **__: Any) -> Any:
        raise error

    return function


# A fit that fails


def not_a_number(self: LinearClassifier, *_: Any, **__: Any) -> Inference:
    return Inference(np.full((1, self.n_classes), np.nan, np.float32), np.zeros((1, 16), np.float32))


FAILURES: dict[str, tuple[str, Callable[..., Any]]] = {
    "diverged": ("tyrogue.models.LinearClassifier.fit", raising(NonFinite("the loss is NaN"))),
    "diverged unnoticed": ("tyrogue.models.LinearClassifier.infer", not_a_number),
    "out of memory": ("tyrogue.models.LinearClassifier.fit", raising(MemoryError())),
    "a mistake of ours": ("tyrogue.models.LinearClassifier.fit", raising(KeyError("step"))),
    "full disk": ("safetensors.numpy.save_file", raising(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))),
    "full disk for the database": ("tyrogue.store.Store.add_model", raising(ProjectError("disk is full"))),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_fit_that_fails_stops_nobody(failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "RETRY_SECONDS", (LATER,) * 9)  # only something new starts another fit
    desk = Desk(tmp_path)
    with working(desk, monkeypatch):
        desk.ready()
        with monkeypatch.context() as broken:
            broken.setattr(*FAILURES[failure])
            desk.label(12)
            wait_for(lambda: desk.told["error"], "the page says that training failed")
            said = desk.told
            assert said["alive"]
            assert "could not be trained" in said["error"]
            desk.ready()
            assert desk.store.current_model() is None
        desk.label(1)
        desk.trained_on(10)
        wait_for(lambda: desk.told["error"] is None, "the page no longer says so")
        desk.nothing_lost()
    desk.store.close()


def test_a_fit_that_failed_is_tried_again_though_nobody_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[float] = []
    fit = LinearClassifier.fit

    def flaky(self: LinearClassifier, *arguments: Any, **named: Any) -> Any:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise MemoryError
        return fit(self, *arguments, **named)

    monkeypatch.setattr(timing, "RETRY_SECONDS", (0.3, 0.3))
    with session(tmp_path) as s:
        s.label(9)
        monkeypatch.setattr(LinearClassifier, "fit", flaky)
        s.label(3, settle=False)
        wait_for(lambda: s.pipeline.step() is None or s.pipeline.fitter.version == "m1", "a model")
        assert len(tries) == 3
        assert min(np.diff(tries)) >= 0.3, "tried again without a pause"


def test_a_fit_that_fails_again_and_again_does_not_burn_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "RETRY_SECONDS", (LATER, LATER, LATER))
    with session(tmp_path) as s:
        fits = MagicMock(side_effect=MemoryError)
        monkeypatch.setattr(LinearClassifier, "fit", fits)
        s.label(40)
        assert fits.call_count == 3


def test_the_model_before_stays_in_charge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with session(tmp_path) as s:
        s.label(12)
        assert s.pipeline.fitter.version == "m1"
        monkeypatch.setattr(LinearClassifier, "fit", raising(NonFinite("the loss is NaN")))
        s.label(15)
        assert s.pipeline.fitter.error is not None
        assert {item["model"]["version"] for item in s.ask(10) if item["kind"] == "query"} == {"m1"}


def test_a_model_that_diverges_on_texts_it_has_not_seen_is_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "RETRY_SECONDS", (LATER,) * 5)
    with session(tmp_path) as s:
        s.label(12)
        infer = LinearClassifier.infer
        with monkeypatch.context() as broken:
            broken.setattr(LinearClassifier, "infer", lambda m, x: infer(m, x) if len(x) < 3 else not_a_number(m))
            broken.setattr(fitting, "TRIED_ON_TEXTS", 2)
            asked = s.label(12)
            assert len(set(asked)) == 12
            assert "NaN" in (s.pipeline.fitter.error or "")
            assert s.store.ready() >= 10
        s.label(1)
        assert s.pipeline.fitter.error is None
        assert s.pipeline.fitter.version != ""


# Files that are damaged


@pytest.mark.parametrize("damage", ["newest cut", "all gone"])
def test_a_damaged_model_costs_a_training(damage: str, tmp_path: Path) -> None:
    with session(tmp_path) as s:
        s.label(30)
        s.clock.passes(timing.IDLE_SECONDS + 1)
        s.settle()  # the newest model has learned all there is
        known = s.store.models()
        held = [item["id"] for item in s.ask(5)]
        s.close()
        if damage == "newest cut":
            weights = s.project.path / known[-1].path / storage.WEIGHTS
            os.truncate(weights, weights.stat().st_size // 2)
        else:
            shutil.rmtree(s.project.models_dir)
        s.open()
        assert s.pipeline.fitter.version == (known[-2].version if damage == "newest cut" else "")
        s.settle()  # nobody labels anything
        assert s.store.models()[-1].labels == known[-1].labels
        assert s.pipeline.fitter.version == s.store.models()[-1].version != known[-1].version
        assert [item["id"] for item in s.ask(5)] == held
        s.label(10)


def test_embeddings_cut_on_disk_are_made_again(tmp_path: Path) -> None:
    with session(tmp_path) as s:
        s.label(5)
        s.close()
        [file] = s.project.cache_dir.glob("*/vectors.f16")
        os.truncate(file, file.stat().st_size // 3)
        s.open()
        before = len(s.encoder.encoded)
        s.label(20)
        assert len(s.encoder.encoded) > before


# A disk that is full


def test_a_full_disk_under_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, parameters={"candidates": 60})
    with working(desk, monkeypatch):
        desk.ready()
        with monkeypatch.context() as broken:
            broken.setattr(vectors._Column, "write", raising(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
            desk.label(30)
            wait_for(lambda: "No space left" in (desk.told["error"] or ""), f"the page says so; {desk.told}")
        desk.label(3)
        wait_for(lambda: desk.store.rounds()[-1].staged, "rounds are chosen again")
        desk.trained_on(20)
        desk.nothing_lost()
    desk.store.close()


def test_a_full_disk_under_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)
    with working(desk, monkeypatch):
        desk.ready()
        desk.label(3)
        with full(desk.store), pytest.raises(ProjectError, match="disk is full"):
            desk.label(10_000)  # some free pages are used up first
        desk.nothing_lost()
        before = len(list(desk.store.journal()))
        assert before == len(desk.acknowledged), "something was recorded and not acknowledged"
        desk.ready()
        desk.label(12)
        desk.trained_on(12)
        desk.nothing_lost()
    desk.store.close()


@contextmanager
def full(store: Store) -> Iterator[None]:
    """Gives the connections of this store no more pages, which is what SQLite reports on a full disk."""
    engine = store._database.engine

    def limit(connection: Any, _record: Any, _proxy: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(engine, "checkout", limit)
    try:
        yield
    finally:
        event.remove(engine, "checkout", limit)
        engine.dispose()


# A database that somebody else holds


@contextmanager
def held(desk: Desk) -> Iterator[None]:
    """Another process is writing."""
    other = sqlite3.connect(desk.project.path / "labels.sqlite", isolation_level=None, timeout=30)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_a_database_held_for_a_moment_delays_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)
    with working(desk, monkeypatch):
        desk.ready()
        hand = threading.Thread(target=lambda: desk.label(12))
        with held(desk):
            hand.start()
            time.sleep(0.5)
            assert not desk.acknowledged
            assert desk.told["alive"]
        hand.join(60)
        assert len(desk.acknowledged) == 12
        desk.trained_on(9)
        assert desk.told["error"] is None
        desk.nothing_lost()
    desk.store.close()


def test_a_database_held_for_too_long_is_told_and_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 1.0)
    desk = Desk(tmp_path)
    with working(desk, monkeypatch):
        desk.ready()
        desk.label(6)
        desk.ready()
        with held(desk):
            with pytest.raises(ProjectError, match="another process"):
                desk.label(1)
            time.sleep(2.5)  # the trainer meets it too, when it wants to say something
        desk.label(8)
        desk.ready()
        desk.trained_on(9)
        desk.nothing_lost()
    desk.store.close()

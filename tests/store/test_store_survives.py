"""Processes that die, and processes that work at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from tyrogue.errors import ProjectError
from tyrogue.store import NewItem, Store

ANNOTATE = """
import sys
from tyrogue.store import Store
url, project, name = sys.argv[1:]
store = Store.open(url, project)
while items := store.reserve(name, 3):
    for item in items:
        token = f"{name}:{item.row}"
        store.annotate(token=token, item=item.id, annotator=name, action="label", class_id=item.row % 2)
        print(token, flush=True)
"""


def _annotator(url: str, project: str, name: str) -> subprocess.Popen[str]:
    paths = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [sys.executable, "-c", ANNOTATE, url, project, name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )


def _project(url: str, n: int) -> tuple[str, Store]:
    name = uuid.uuid4().hex
    store = Store.open(url, name)
    store.add_class("even")
    store.add_class("odd")
    store.open_round(0, strategy="random", parameters={}, seed=0, mode="cached", size=n)
    store.enqueue(0, [NewItem(row) for row in range(n)])
    return name, store


def test_what_was_acknowledged_survives_kill_9(url: str) -> None:
    project, store = _project(url, 10_000)
    child = _annotator(url, project, "ann")
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip() for _ in range(25)]
    child.send_signal(signal.SIGKILL)
    rest, errors = child.communicate()
    acknowledged += rest.split()
    assert child.returncode == -signal.SIGKILL, errors
    recorded = [one.token for one in store.journal()]
    # The last one may have been on disk before it could be said.
    assert recorded[: len(acknowledged)] == acknowledged
    assert len(recorded) <= len(acknowledged) + 1
    assert store.rebuild() == 0
    assert len(store.labels()[0]) == len(recorded)
    store.close()


def test_processes_share_the_queue_without_sharing_an_item(url: str) -> None:
    project, store = _project(url, 120)
    children = [_annotator(url, project, f"process {n}") for n in range(4)]
    outputs = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0] * 4, [errors for _, errors in outputs]
    tokens = [line for out, _ in outputs for line in out.splitlines()]
    assert sorted(int(token.rsplit(":", 1)[1]) for token in tokens) == list(range(120))
    rows, classes = store.labels()
    assert rows.tolist() == list(range(120))
    assert (classes == rows % 2).all()
    assert sorted(one.token for one in store.journal()) == sorted(tokens)
    assert [one.id for one in store.journal()] == list(range(3, 123))
    assert store.rebuild() == 0
    store.close()


def test_everything_at_once_ends_in_a_sound_project(url: str) -> None:
    """Four people with two windows each, while rankings are replaced: no deadlock, nothing lost."""
    _, store = _project(url, 40)
    gate = threading.Barrier(9)

    def window(n: int) -> list[str]:
        choose, name, said = Random(n), f"person {n % 4}", list[str]()
        gate.wait()
        for step in range(25):
            token, what = f"{n}:{step}", choose.random()
            items = store.reserve(name, choose.randint(1, 4))
            if what < 0.6 and items:
                item = choose.choice(items).id
                store.annotate(token=token, item=item, annotator=name, action="label", class_id=step % 2)
                said.append(token)
            elif what < 0.75:
                said += [token] if store.undo(token=token, annotator=name) else []
            elif what < 0.85:
                store.release(name)
            else:
                store.push(choose.randrange(60), "review", annotator=choose.choice([name, None]))
        return said

    def ranking(_: int) -> list[str]:
        choose = Random(99)
        gate.wait()
        for step in range(15):
            store.set("overlap", 1 + step % 2)
            store.enqueue(0, [NewItem(choose.randrange(200)) for _ in range(20)], replace=True)
        return []

    with ThreadPoolExecutor(9) as threads:
        said = [*threads.map(lambda n: (ranking if n == 8 else window)(n), range(9))]
    assert sorted(one.token for one in store.journal()) == sorted(token for tokens in said for token in tokens)
    assert [one.id for one in store.journal()] == list(range(3, store.journal_position() + 1))
    assert store.rebuild() == 0
    store.close()


@pytest.mark.parametrize("statement", ["UPDATE annotations SET class_id = 1", "DELETE FROM annotations"])
def test_the_database_itself_refuses_to_change_the_record(url: str, statement: str) -> None:
    _, store = _project(url, 1)
    store.annotate(token="a", item=store.reserve("ann", 1)[0].id, annotator="ann", action="label", class_id=0)
    with pytest.raises(ProjectError, match="append only"), store._write() as tx:
        tx.connection.exec_driver_sql(statement)
    assert store.annotations()[0].class_id == 0
    store.close()

"""A project of sixty texts with a queue, without any trainer: what the web process sees."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fastapi.testclient import TestClient

from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.labeling.app import create_app
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.passwords import hashed
from tyrogue.labeling.plan import Plan
from tyrogue.store import NewItem, Store

TEXTS = [f"text number {i} about {'cats' if i % 2 else 'dogs'}" for i in range(60)]
ASKS = {"X-Tyrogue": "1"}
PASSWORD = "correct horse battery"
OWNERS_TOKEN = "the-owners-own-token"


class Desk(NamedTuple):
    """A project, its store, and a client of its API."""

    project: Project
    store: Store
    engine: Engine
    client: TestClient


def make_desk(
    folder: Path,
    *,
    token: str | None = None,
    host: str = "127.0.0.1",
    texts: Sequence[str] = TEXTS,
    database: str | None = None,
) -> Desk:
    """Gives a desk with classes dogs and cats and one round of twenty queued texts, which a model has seen.

    Args:
        folder: where the project goes.
        token: the server's own.
        host: the address it is said to be served on.
        texts: of the project, 60 at least.
        database: where the project is stored; None for one of its own.
    """
    file = folder / "pets.csv"
    file.write_text("id,text,colour\n" + "".join(f"p{i},{text},red\n" for i, text in enumerate(texts)))
    import_source(file, folder / "pets.tyrogue")
    project = Project.open(folder / "pets.tyrogue")
    project.update(settings=Plan().as_settings())
    store = Store.open(database or project.store_url, project.key)
    dogs, cats = store.add_class("dogs"), store.add_class("cats")
    store.add_model(
        "m1", kind="linear", path="models/m1", round=0, labels=10, train_seconds=0.2, journal_position=0,
        class_ids=(dogs.id, cats.id), metrics={},
    )  # fmt: skip
    store.open_round(0, strategy="tyrogue", parameters={}, seed=0, mode="cached", size=20, ratio=3)
    open_rows = [row for row in range(60) if row not in project.corpus.reference][:18]
    queued = [
        NewItem(row, score=0.5, facts={"step": "diverse", "cluster": 3}, model_version="m1", probabilities=[0.3, 0.7])
        for row in open_rows
    ]
    blind = NewItem(int(project.corpus.reference[0]), kind="reference", blind=True, model_version="m1")
    store.enqueue(0, [*queued[:2], blind, *queued[2:]])
    engine = Engine(project, store)
    client = TestClient(create_app(engine, host=host, token=token), base_url=f"http://{host}", headers=ASKS)
    return Desk(project, store, engine, client)


def client_of(desk: Desk, *, address: str = "testclient", **headers: str) -> TestClient:
    """Gives a browser, at an address of its own where one is given."""
    return TestClient(desk.client.app, base_url="http://127.0.0.1", headers=ASKS | headers, client=(address, 50_000))


@cache
def hashed_once() -> str:
    return hashed(PASSWORD)


def member(desk: Desk, name: str, role: str) -> TestClient:
    """Gives a browser in which somebody is logged in."""
    desk.store.annotator(name, role)
    desk.store.set_password(name, hashed_once())
    secret, _ = desk.store.issue(name, "session", seconds=3600)
    browser = client_of(desk)
    browser.cookies.set("tyrogue_session", secret)
    return browser

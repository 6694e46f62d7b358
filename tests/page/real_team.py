"""A real server with a team: three people have labeled the same texts, and do not always agree."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fake_project import make_texts

from running import running
from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.labeling.app import create_app
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.passwords import hashed
from tyrogue.labeling.plan import Plan
from tyrogue.store import NewItem, Store

CLASSES = ("World", "Sports", "Business", "Sci/Tech")
PASSWORD = "correct horse battery"
OWNERS_TOKEN = "the-owners-own-token"
SHARED = 30


@dataclass
class Team:
    """Where the server answers, and what it stores."""

    url: str
    store: Store


def vote(store: Store, rng: random.Random) -> None:
    """Ada and Ben label all shared texts, Chi those of even rows; each errs now and then."""
    for name, mistakes in (("Ada", 0.05), ("Ben", 0.15), ("Chi", 0.3)):
        for item in store.reserve(name, SHARED):
            if name == "Chi" and item.row % 2:
                continue
            gold = item.row % 4
            said = rng.randrange(4) if rng.random() < mistakes else gold
            store.annotate(
                token=f"{name}-{item.id:06}", item=item.id, annotator=name, action="label", class_id=said, seconds=2.5
            )
        store.release(name)


@contextmanager
def serving(folder: Path) -> Iterator[Team]:
    """Gives the server while the block runs."""
    lines = [text.replace('"', '""') for text in make_texts(80)]
    (folder / "news.csv").write_text("text\n" + "".join(f'"{line}"\n' for line in lines))
    import_source(folder / "news.csv", folder / "news.tyrogue")
    project = Project.open(folder / "news.tyrogue")
    project.update(settings=Plan().as_settings())
    with Store.open(project.store_url, project.key) as store:
        for name in CLASSES:
            store.add_class(name)
        store.set("overlap", 3)
        store.open_round(0, strategy="tyrogue", parameters={}, seed=0, mode="cached", size=60, ratio=3)
        store.enqueue(0, [NewItem(row, facts={"step": "diverse"}) for row in range(60)])
        for name, role in (("Ada", "owner"), ("Ben", "reviewer"), ("Chi", "annotator")):
            store.annotator(name, role)
            store.set_password(name, hashed(PASSWORD))
        vote(store, random.Random(3))
        store.set("exhausted", False)
        app = create_app(Engine(project, store), token=OWNERS_TOKEN)
        with running(app) as url:
            yield Team(url.rstrip("/"), store)

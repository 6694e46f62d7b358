"""Takes every picture of docs/images from the running app: `make screenshots`.

It starts `tyrogue demo` in a temporary folder, lets the autopilot label some 120 texts for a linear model, waits for
the map, and opens each screen in headless Chromium. Three texts in ten are random checks there, so that an accuracy can
be told. The team is that of the tests: three people who do not always agree. Near-identical texts, and a project in
which every text is labeled, are a few made-up tickets.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from real_team import OWNERS_TOKEN, serving

from running import running
from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.labeling.app import create_app
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.plan import Plan
from tyrogue.store import NewItem, Store

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
LARGEST = 150_000  # bytes of a picture
DESK = (1280, 800)
PHONE = (390, 780)
GUIDELINES = """# What belongs where

**The library a text documents decides**, not the words in it.

- how to test a hypothesis is *Statistics*, how to fit a classifier *Machine learning*
- in doubt, think of who would look it up

| seen | then |
|---|---|
| only a signature | skip (`Space`) |
| two libraries at once | flag (`f`) and write a note (`n`) |

More in [the NumPy docstring guide](https://numpydoc.readthedocs.io/).
"""


TICKETS = {
    "Where is my parcel? It was due on Monday.": "delivery",
    "where is my parcel?? it was due on monday": "delivery",
    "Where is my parcel! It was due on Monday...": "delivery",
    "I was charged twice for the same order.": "payment",
    "The link in the mail that should reset my password does not open.": "account",
    "The parcel came, but the lamp in it is broken.": "delivery",
    "Can I pay by invoice, as last year?": "payment",
    "Please delete my account and what you know of me.": "account",
}
"""Texts with their classes; the first three nearly repeat one another."""


class Shot(NamedTuple):
    """One picture: where and by which key the screen opens, and what has to be there before it is taken."""

    name: str
    key: str = ""
    ready: str = "#reading .text"
    prepare: Callable[[Page], object] = lambda page: None
    theme: str = "light"
    size: tuple[int, int] = DESK
    at: str = "demo"
    path: str = ""


def scrolled(selector: str) -> Callable[[Page], object]:
    """Brings a part of the panel to its top."""
    move = (
        "(part) => { const panel = part.closest('.panel'); panel.scrollTop += part.getBoundingClientRect().top - 60; }"
    )
    return lambda page: page.locator(selector).evaluate(move)


def chosen(page: Page) -> None:
    page.locator(".review .entry >> nth=1").click()
    page.wait_for_selector(".review-details")


def found(page: Page) -> None:
    page.keyboard.type("array")
    page.wait_for_selector(".results .entry")


def toured(page: Page) -> None:
    page.locator("#panel >> text=Take the tour").click()
    for step in ("Why this one?", "Watch it learn", "The dial"):
        page.keyboard.press("ArrowRight")
        page.wait_for_selector(f"#tour >> text={step}")


def cut_off(page: Page) -> None:
    """Labels on while the connection is lost; the labels end with this browser."""
    page.context.set_offline(True)
    for key in "213":
        page.keyboard.press(key)
        page.wait_for_timeout(300)
    page.wait_for_selector("#status >> text=offline")


def read_copies(page: Page) -> None:
    page.click("#copies >> text=Read them")
    page.wait_for_selector(".copies-list li >> nth=1")
    page.keyboard.press("a")


MAP = ".map-box canvas"
SHOTS = [
    Shot("labeling"),
    Shot("labeling-dark", theme="dark"),
    Shot("labeling-phone", size=PHONE),
    Shot("why", "w", ".why-texts"),
    Shot("map", "m", MAP),
    Shot("map-dark", "m", MAP, theme="dark"),
    Shot("dial", "l", ".dial", scrolled(".bars")),
    Shot("learning", "l", ".curve svg"),
    Shot("accuracy", "l", ".judgement .stopping", scrolled(".judgement")),
    Shot("review", "r", ".review .entry", chosen),
    Shot("history", "y", ".history .entry"),
    Shot("classes", "c", ".class-list li"),
    Shot("search", "/", "#search", found),
    Shot("guidelines", "g", ".prose table"),
    Shot("help", "?", ".keys"),
    Shot("tour", "?", ".keys", toured),
    Shot("offline", prepare=cut_off),
    Shot("team", "t", ".people li", at="team", path=f"/?token={OWNERS_TOKEN}"),
    Shot("login", ready="[data-screen=login]", at="team"),
    Shot("invitation", ready="[data-screen=invitation]", at="team", path="/#invite=not-a-real-one"),
    Shot("copies", ready="#copies:not([hidden])", prepare=read_copies, at="tickets"),
    Shot("done", ready="[data-screen=done]", at="finished"),
]


class Demo:
    """The calls that bring the demo to where pictures are taken."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Tyrogue": "1", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers, method=method)) as answer:
            return json.load(answer)

    def prepare(self, labels: int) -> None:
        """Labels, then waits for the models, the report and the map that follow from it."""
        self.call("PATCH", "/api/settings", {"audit": 0.3})  # so that there are enough checks to tell an accuracy
        self.call("PUT", "/api/guidelines", {"text": GUIDELINES})
        self.call("POST", "/api/autopilot", {"on": True, "seconds": 0.25})
        until("labels", lambda: self.call("GET", "/api/state")["labeled"] >= labels)
        self.call("POST", "/api/autopilot", {"on": False})
        until("a model", lambda: self.call("GET", "/api/state")["model"])
        until("the map", self.has_map)
        until("a rest", lambda: self.call("GET", "/api/state")["trainer"]["phase"] == "waiting")
        until("a text that says why it was chosen", self.tells_why)

    def tells_why(self) -> bool:
        """Skips the next text when it is a blind check, of which there is nothing to tell."""
        item = self.call("POST", "/api/next", {"n": 1})["items"][0]
        if item["kind"] == "query" and item["suggestion"]:
            return True
        self.call("POST", "/api/annotations", {"token": f"skip-{item['id']:06}", "item": item["id"], "action": "skip"})
        return False

    def has_map(self) -> bool:
        told = self.call("GET", "/api/map")
        self.call("GET", "/api/map/opinions")
        return bool(told["status"] == "ready" and told["method"] == "tsne")


def until(what: str, holds: Callable[[], object], seconds: float = 400) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"Waited {seconds:.0f} s for {what} in vain.")
        time.sleep(0.5)


@contextlib.contextmanager
def demo(folder: Path) -> Iterator[Demo]:
    """A demo project on a server of its own."""
    command = ["demo", "--project", str(folder / "demo.tyrogue"), "--model", "linear", "--port", "0", "--no-browser"]
    with subprocess.Popen([sys.executable, "-m", "tyrogue", *command], stdout=subprocess.PIPE, text=True) as server:
        try:
            lines = iter(server.stdout.readline, "") if server.stdout else iter(())
            yield Demo(next(line.strip() for line in lines if line.startswith("http")))
        finally:
            server.terminate()


@contextlib.contextmanager
def tickets(folder: Path, *, finished: bool) -> Iterator[str]:
    """Gives the address of a project of a few tickets that a model has seen, all of them labeled if `finished`."""
    with (folder / "tickets.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([text] for text in TICKETS)])
    import_source(folder / "tickets.csv", folder / "tickets.tyrogue")
    project = Project.open(folder / "tickets.tyrogue")
    project.update(settings=Plan(audit=0).as_settings())
    with Store.open(project.store_url, project.key) as store:
        ids = {name: store.add_class(name).id for name in dict.fromkeys(TICKETS.values())}
        about: Any = {"kind": "linear", "path": "models/m1", "round": 0, "labels": 40, "train_seconds": 0.4}
        store.add_model("m1", **about, journal_position=0, class_ids=tuple(ids.values()), metrics={})
        store.open_round(0, strategy="tyrogue", parameters={}, seed=0, mode="cached", size=len(TICKETS), ratio=3)
        facts = {"step": "uncertain", "drawn": 10_000, "cluster_size": 57, "near": [1, 2]}
        seen: Any = {"model_version": "m1", "probabilities": [0.7, 0.2, 0.1]}
        rows = range(len(TICKETS)) if finished else [0, *range(3, len(TICKETS))]
        store.enqueue(0, [NewItem(row, facts=facts if row == 0 else {}, score=0.7, **seen) for row in rows])
        for item in store.reserve("me", len(TICKETS)) if finished else ():
            given = ids[list(TICKETS.values())[item.row]]
            store.annotate(
                token=f"ticket-{item.row:04}", item=item.id, annotator="me", action="label", class_id=given, seconds=2.0
            )
        store.report("trainer", {"phase": "waiting", "message": "", "progress": None, "pid": 0, "error": None})
        with running(create_app(Engine(project, store))) as url:
            yield url.rstrip("/")


@contextlib.contextmanager
def prepared(folder: Path, labels: int) -> Iterator[str]:
    """Gives the address of a demo that is far enough."""
    with demo(folder) as started:
        started.prepare(labels)
        yield started.url


def take(browser: Browser, url: str, shot: Shot) -> bytes:
    """Gives a picture of a screen as PNG with a palette."""
    size: Any = dict(zip(("width", "height"), shot.size))
    theme: Any = shot.theme
    context = browser.new_context(viewport=size, color_scheme=theme, reduced_motion="reduce")
    context.add_init_script("localStorage.setItem('tyrogue:tour', 'seen')")
    page = context.new_page()
    page.goto(url + shot.path)
    if shot.key:
        page.wait_for_selector("#reading .text")
        page.keyboard.press(shot.key)
    page.wait_for_selector(shot.ready)
    page.wait_for_timeout(1_500)  # what the panel asks for comes, and what is drawn is drawn
    shot.prepare(page)
    page.wait_for_timeout(800)
    picture = page.screenshot()
    context.close()
    return small(picture)


def keep(folder: Path, name: str, picture: bytes) -> None:
    (folder / f"{name}.png").write_bytes(picture)
    print(f"{name}.png {len(picture):,} bytes", flush=True)


def small(picture: bytes) -> bytes:
    """Gives the picture with a palette of 256 colours, or fewer until it is small enough."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in (256, 128, 64, 32):
        out = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() < LARGEST:
            return out.getvalue()
    raise SystemExit(f"A picture takes {out.tell():,} bytes even with 32 colours; at most {LARGEST:,} are kept.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=120)
    parser.add_argument("--out", type=Path, default=IMAGES)
    parser.add_argument("--only", nargs="*", choices=[shot.name for shot in SHOTS], help="these pictures alone")
    parser.add_argument("--url", help="of a demo that runs already and is far enough; none is started then")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    wanted = [shot for shot in SHOTS if not options.only or shot.name in options.only]
    with contextlib.ExitStack() as stack:

        def folder() -> Path:
            return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tyrogue-pictures-")))

        begin: dict[str, Callable[[], str]] = {
            "demo": lambda: options.url or stack.enter_context(prepared(folder(), options.labels)),
            "team": lambda: stack.enter_context(serving(folder())).url,
            "tickets": lambda: stack.enter_context(tickets(folder(), finished=False)),
            "finished": lambda: stack.enter_context(tickets(folder(), finished=True)),
        }
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        for place in dict.fromkeys(shot.at for shot in wanted):
            url = begin[place]().rstrip("/")
            for shot in wanted:
                if shot.at == place:
                    keep(options.out, shot.name, take(browser, url, shot))
        browser.close()


if __name__ == "__main__":
    main()

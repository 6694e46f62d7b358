"""Many annotators at once: drives the real server over HTTP while its trainer trains.

    python benchmarks/load.py --annotators 20 --labels 1000 --json

Each annotator has a connection of his own, reserves five texts as the page does, thinks for a log-normal time (median
0.5 s, sigma 0.5), submits, and asks for more when two are left. Texts are made up (four topics that a linear model can
learn; one label in ten is wrong); `--data FOLDER` takes real ones. Ends with one JSON line:

    served_twice   texts that two people were given, without overlap
    lost           labels that were acknowledged and are not in the journal afterwards, or differ there
    errors         requests that failed
    submit_p50_s, submit_p99_s, next_p99_s    seconds, seen from the annotators' side
    submit_p99_training_s    of the submits that began while a model was being trained, and submits_training of them
    trainings      models that were published meanwhile

With `--login` each annotator has an account: he takes up an invitation with a password and is known by it at each
request, as a team is. `--database postgresql://...` keeps the journal there instead of in the project's file; the
database must be empty.

It fails when a text was served twice, a label was lost or a request failed.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import http.client
import json
import math
import os
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from machine import write
from quota import Quota

from tyrogue.client import Client
from tyrogue.errors import TyrogueError

TOPICS = {
    "weather": ["rain", "wind", "storm", "cloud", "forecast", "sun", "frost", "thunder", "drizzle", "humid"],
    "kitchen": ["flour", "butter", "oven", "recipe", "whisk", "dough", "simmer", "garlic", "plate", "taste"],
    "traffic": ["road", "lane", "bridge", "truck", "queue", "signal", "tunnel", "detour", "toll", "parking"],
    "music": ["violin", "chord", "tempo", "choir", "melody", "drum", "concert", "rehearsal", "tune", "organ"],
}
COMMON = ["the", "a", "of", "and", "then", "with", "about", "near", "before", "after", "some", "very", "old", "new"]
AHEAD, LOW = 5, 2
EMPTY = 0.3
"""Seconds until somebody who has no text asks again."""
LOOK = 0.1
"""Seconds between two looks at what the trainer does."""


def texts(n: int) -> list[tuple[str, str]]:
    """Gives n made-up texts with their topics."""
    rng = random.Random(0)
    made = []
    for i in range(n):
        topic = rng.choice(sorted(TOPICS))
        words = [rng.choice(TOPICS[topic] if rng.random() < 0.4 else COMMON) for _ in range(rng.randint(8, 40))]
        made.append((f"{' '.join(words)} {i}", topic))
    return made


def real_texts(folder: Path, n: int) -> list[tuple[str, str]]:
    """Gives n texts of a dataset folder with their classes."""
    import pandas as pd

    classes = json.loads((folder / "meta.json").read_text())["classes"]
    train = pd.read_parquet(folder / "train.parquet")
    train = train.sample(min(n, len(train)), random_state=0)
    return [(text, classes[label]) for text, label in zip(train.text, train.label, strict=True)]


class Server:
    """`tyrogue label` on these texts."""

    def __init__(self, pool: list[tuple[str, str]], folder: Path, options: argparse.Namespace) -> None:
        file = folder / "pool.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([["text"], *([text] for text, _ in pool)])
        labels = sorted({label for _, label in pool})
        command = [sys.executable, "-m", "tyrogue", "label", str(file), "--labels", ",".join(labels)]
        more = ["--model", options.model, "--batch", str(options.batch), "--no-browser", "--port", "0"]
        if options.login:
            more += ["--token", secrets.token_hex(16)]
        environment = os.environ | ({"TYROGUE_DATABASE_URL": options.database} if options.database else {})
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            [*command, *more], stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment
        )
        if self.process.stdout is None:
            raise RuntimeError("no output")
        self.url = self.process.stdout.readline().strip()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def account(url: str, owner: Client, name: str) -> Client:
    """Gives the client of somebody who was invited, has chosen a password and is known by a token of the account."""
    path = owner.call("POST", "/api/team/invitations", {"name": name, "role": "annotator"})["path"]
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)

    def post(path: str, body: dict[str, Any], cookie: str = "") -> tuple[dict[str, Any], str]:
        headers = {"X-Tyrogue": "1", "Content-Type": "application/json"} | ({"Cookie": cookie} if cookie else {})
        connection.request("POST", path, json.dumps(body).encode(), headers)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        if answer.status >= 300:
            raise SystemExit(f"{path} answered {answer.status}: {content}")
        return content, (answer.headers["Set-Cookie"] or "").partition(";")[0]

    chosen = {"secret": path.partition("=")[2], "password": secrets.token_hex(12)}
    _, cookie = post("/api/login/invitation", chosen)
    made, _ = post("/api/me/tokens", {"label": "load", "days": 1}, cookie)
    connection.close()
    return Client(f"{place.scheme}://{place.netloc}", token=made["token"])


class Watch(threading.Thread):
    """Knows whether a model is being trained: from when the trainer says so until the next model is there."""

    def __init__(self, client: Client) -> None:
        super().__init__(name="watch", daemon=True)
        self.client, self.training, self._ended = client, False, threading.Event()

    def run(self) -> None:
        known: str | None = None
        while not self._ended.wait(LOOK):
            with contextlib.suppress(TyrogueError):
                known = self.look(known)

    def look(self, known: str | None) -> str | None:
        """Asks once; gives the version of the model that there is."""
        state = self.client.state()
        version: str | None = None if state["model"] is None else state["model"]["version"]
        if state["trainer"]["phase"] == "training":
            self.training = True
        elif version != known or state["trainer"]["error"]:
            self.training = False
        return version

    def stop(self) -> None:
        self._ended.set()
        self.join()


class Annotator(threading.Thread):
    """Somebody who thinks for a log-normal time and then mostly knows the topic."""

    def __init__(self, n: int, client: Client, gold: dict[str, int], quota: Quota, median: float, watch: Watch) -> None:
        super().__init__(name=f"annotator {n}")
        self.client, self.gold, self.quota, self.median, self.watch = client, gold, quota, median, watch
        self.random = random.Random(n)
        self.deck: deque[dict[str, Any]] = deque()
        self.given: dict[int, int] = {}
        self.submits: list[tuple[float, bool]] = []
        self.nexts: list[float] = []
        self.served: set[int] = set()
        self.acknowledged: dict[int, tuple[int, int]] = {}
        self.errors: list[str] = []

    def run(self) -> None:
        with self.client:
            while self.quota.take():
                try:
                    self.label()
                except TyrogueError as error:
                    self.errors.append(str(error))

    def label(self) -> None:
        while not self.deck:
            self.refill()
        item = self.deck.popleft()
        time.sleep(self.median * math.exp(self.random.gauss(0, 0.5)))
        class_id = self.gold[item["text"]]
        if self.random.random() < 0.1:
            class_id = (class_id + 1) % len(set(self.gold.values()))
        training, started = self.watch.training, time.perf_counter()
        receipt = self.client.submit(item["id"], class_id, seconds=0.5)
        self.submits.append((time.perf_counter() - started, training))
        self.acknowledged[receipt["id"]] = (item["row"], class_id)
        if len(self.deck) < LOW:
            self.refill()

    def refill(self) -> None:
        started = time.perf_counter()
        items = self.client.next(AHEAD)
        self.nexts.append(time.perf_counter() - started)
        self.served |= {item["row"] for item in items}
        held = {item["id"] for item in self.deck}
        self.deck.extend(item for item in items if item["id"] not in held)
        if not self.deck:
            time.sleep(EMPTY)


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Gives the figures of one run."""
    pool = real_texts(options.data, options.pool) if options.data else texts(options.pool)
    server = Server(pool, folder, options)
    try:
        with Client(server.url, annotator="probe") as probe:
            classes = probe.classes()
            gold = {text: classes[label] for text, label in pool}
            while not probe.state()["queue"]["ready"]:
                time.sleep(0.1)
            quota, watch = Quota(options.labels), Watch(Client(server.url, annotator="watch"))
            names = [f"a{n}" for n in range(options.annotators)]
            clients = [account(server.url, probe, name) for name in names] if options.login else [
                Client(server.url, annotator=name) for name in names
            ]  # fmt: skip
            people = [Annotator(n, one, gold, quota, options.seconds, watch) for n, one in enumerate(clients)]
            watch.start()
            started = time.perf_counter()
            for person in people:
                person.start()
            for person in people:
                person.join()
            took = time.perf_counter() - started
            watch.stop()
            return {"login": options.login, "database": "PostgreSQL" if options.database else "SQLite"} | figures(
                people, {note["id"]: note for note in probe.annotations()}, probe.state(), took
            )
    finally:
        server.stop()


def figures(people: list[Annotator], journal: dict[int, Any], state: dict[str, Any], took: float) -> dict[str, Any]:
    """Compares what annotators were told with what the journal holds."""
    served = Counter(row for person in people for row in person.served)
    told = {id: record for person in people for id, record in person.acknowledged.items()}
    kept = {id: (note["row"], note["class_id"]) for id, note in journal.items()}
    submits = np.array([seconds for person in people for seconds, _ in person.submits])
    training = np.array([seconds for person in people for seconds, while_training in person.submits if while_training])
    nexts = np.array([seconds for person in people for seconds in person.nexts])
    return {
        "annotators": len(people),
        "labels": len(told),
        "seconds": round(took, 1),
        "served_twice": sum(n > 1 for n in served.values()),
        "lost": sum(kept.get(id) != record for id, record in told.items()) + abs(len(told) - state["labeled"]),
        "errors": sum(len(person.errors) for person in people),
        "submit_p50_s": round(float(np.quantile(submits, 0.5)), 4),
        "submit_p99_s": round(float(np.quantile(submits, 0.99)), 4),
        "submit_max_s": round(float(submits.max()), 4),
        "submits_training": len(training),
        "submit_p99_training_s": round(float(np.quantile(training, 0.99)), 4) if len(training) else None,
        "next_p50_s": round(float(np.quantile(nexts, 0.5)), 4),
        "next_p99_s": round(float(np.quantile(nexts, 0.99)), 4),
        "trainings": 0 if state["model"] is None else int(state["model"]["version"].removeprefix("m")),
        "model": "" if state["model"] is None else state["model"]["kind"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotators", type=int, default=20)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=0.5, help="median time to think")
    parser.add_argument("--pool", type=int, default=10_000, help="texts to label from")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--model", default="transformer")
    parser.add_argument("--data", type=Path, help="a dataset folder: train.parquet, meta.json")
    parser.add_argument("--login", action="store_true", help="annotators have accounts")
    parser.add_argument("--database", metavar="URL", help="of an empty PostgreSQL database for the journal")
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    parser.add_argument("--save", action="store_true", help="write results/load.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options, Path(folder))
    if options.save:
        write("load", found)
    if not options.json:
        for name, value in found.items():
            print(f"{name:>22} {value}")
    else:
        print(json.dumps(found))
    if found["served_twice"] or found["lost"] or found["errors"]:
        sys.exit(1)


if __name__ == "__main__":
    main()

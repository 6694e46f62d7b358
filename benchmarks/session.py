"""How long annotators wait: drives the real server over HTTP with simulated people.

    python benchmarks/session.py --annotators 1 --labels 200 --data FOLDER --json

Each annotator reserves five texts as the page does, thinks for a log-normal time, submits, and takes the next. The
wait of an item is the time from the decision until the next text is in hand, both requests included; the page hides
most of it by showing a text that it already has.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from machine import write
from sklearn.metrics import f1_score

POOL, TEST = 10_000, 2_000


class Server:
    """`tyrogue label` on a sample of a dataset."""

    def __init__(self, data: Path, folder: Path, model: str, batch: int) -> None:
        classes = json.loads((data / "meta.json").read_text())["classes"]
        train = pd.read_parquet(data / "train.parquet")
        train = train.sample(min(POOL, len(train)), random_state=0)
        test = pd.read_parquet(data / "test.parquet")
        test = test.sample(min(TEST, len(test)), random_state=0)
        self.gold = {text: classes[label] for text, label in zip(train.text, train.label, strict=True)}
        self.test, self.folder, self.classes = test.assign(label=[classes[i] for i in test.label]), folder, classes
        train[["text"]].to_csv(folder / "pool.csv", index=False)
        self.project = folder / "pool.tyrogue"
        command = [sys.executable, "-m", "tyrogue", "label", str(folder / "pool.csv"), "--labels", ",".join(classes)]
        options = ["--model", model, "--batch", str(batch), "--audit", "0", "--no-browser", "--port", "0"]
        self.log = (folder / "log").open("w")
        started = time.perf_counter()
        self.process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=self.log, text=True)
        if self.process.stdout is None:
            raise RuntimeError("no output")
        self.url = self.process.stdout.readline().strip()
        self.ready_seconds = time.perf_counter() - started

    def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "X-Tyrogue": "1"}
        request = urllib.request.Request(self.url + path, None if body is None else json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()

    def macro_f1(self) -> float:
        """Classifies the test sample with the project's newest model."""
        self.test[["text"]].to_csv(self.folder / "test.csv", index=False)
        out = self.folder / "predicted.csv"
        command = [sys.executable, "-m", "tyrogue", "predict", str(self.project), str(self.folder / "test.csv")]
        subprocess.run([*command, "-o", str(out)], check=True, capture_output=True)
        return float(f1_score(self.test.label, pd.read_csv(out).label, average="macro"))


class Annotator(threading.Thread):
    """Somebody who thinks for a log-normal time and then knows the gold label."""

    def __init__(self, server: Server, name: str, quota: Quota, median: float, seed: int, batch: int) -> None:
        super().__init__(name=name)
        self.server, self.quota, self.median, self.batch = server, quota, median, batch
        self.random = random.Random(seed)
        self.waits: list[float] = []
        self.stale = self.seen = self.errors = 0
        self.labeled = 0

    def run(self) -> None:
        first = True
        while self.quota.take():
            started = time.perf_counter()
            item = self.next_item()
            if not first:
                self.waits[-1] += time.perf_counter() - started
            first = False
            model = item["model"]
            self.seen += model is not None
            self.stale += model is not None and self.labeled - model["labels"] > self.batch
            time.sleep(self.median * math.exp(self.random.gauss(0, 0.5)))
            self.submit(item)

    def next_item(self) -> dict[str, Any]:
        while True:
            items = self.server.call("api/next", {"n": 5, "annotator": self.name})["items"]
            if items:
                found: dict[str, Any] = items[0]
                return found
            time.sleep(0.02)

    def submit(self, item: dict[str, Any]) -> None:
        class_id = self.server.classes.index(self.server.gold[item["text"]])
        body = {"token": uuid.uuid4().hex, "item": item["id"], "action": "label", "class_id": class_id}
        started = time.perf_counter()
        try:
            self.labeled = self.server.call("api/annotations", body | {"seconds": 3.0, "annotator": self.name})[
                "labeled"
            ]
        except urllib.error.URLError:
            self.errors += 1
        self.waits.append(time.perf_counter() - started)


class Quota:
    """How many labels are left to give, over all annotators."""

    def __init__(self, n: int) -> None:
        self.n, self.lock = n, threading.Lock()

    def take(self) -> bool:
        with self.lock:
            self.n -= 1
            return self.n >= 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotators", type=int, default=1)
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3.0, help="median time to think")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--model", default="transformer")
    parser.add_argument(
        "--data", type=Path, required=True, help="a dataset folder: train.parquet, test.parquet, meta.json"
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    parser.add_argument("--save", help="write results/NAME.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(options.data, Path(folder), options.model, options.batch)
        started = time.perf_counter()
        while not server.call("api/next", {"n": 1, "annotator": "probe"})["items"]:
            time.sleep(0.02)
        first_text = server.ready_seconds + time.perf_counter() - started
        quota = Quota(options.labels)
        people = [
            Annotator(server, f"a{i}", quota, options.seconds, i, options.batch) for i in range(options.annotators)
        ]
        for person in people:
            person.start()
        for person in people:
            person.join()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            model = server.call("api/state")["model"]
            if model is not None and model["labels"] >= options.labels - options.batch // 2:
                break
            time.sleep(0.5)
        waits = np.array([wait for person in people for wait in person.waits])
        seen = sum(person.seen for person in people)
        figures = {
            "annotators": options.annotators,
            "labels": options.labels,
            "model": options.model,
            "first_text_s": round(first_text, 2),
            "wait_p50_s": round(float(np.quantile(waits, 0.5)), 4),
            "wait_p95_s": round(float(np.quantile(waits, 0.95)), 4),
            "wait_max_s": round(float(waits.max()), 4),
            "stale_share": round(sum(person.stale for person in people) / max(seen, 1), 4),
            "errors": sum(person.errors for person in people),
            "macro_f1": round(server.macro_f1(), 4),
        }
        server.stop()
    if options.save:
        write(options.save, figures)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

"""How long annotators wait: drives the real server over HTTP with simulated people.

    python benchmarks/session.py --annotators 1 --labels 200 --data FOLDER --json
    python benchmarks/session.py --all --data FOLDER

Each annotator reserves five texts as the page does, thinks for a log-normal time, submits, and takes the next. The
wait of an item is the time from the decision until the next text is in hand, both requests included; the page hides
most of it by showing a text that it already has.

`--mode synchronous` is the same with the pipeline switched off; `--mode small-text` a loop written on that library
(it must be installed: fine-tuning with its defaults, least confidence over the pool), where people wait for training
and acquisition. In both nothing happens while people think, so they think for no time at all.
"""

from __future__ import annotations

import argparse
import json
import math
import os
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
from quota import Ages, Quota
from sklearn.metrics import f1_score
from synchronous import small_text_session

POOL, TEST = 10_000, 2_000
ALL = ((1, 100, "ahead"), (5, 200, "ahead"), (20, 400, "ahead"), (1, 100, "synchronous"))
"""(annotators, labels, mode) of `--all`."""


class Data:
    """A pool with gold labels and a test sample: a dataset folder, or the demo corpus."""

    def __init__(self, folder: Path | None) -> None:
        train, test = _demo() if folder is None else _dataset(folder)
        self.train = train.sample(min(POOL, len(train)), random_state=0)
        self.test = test.sample(min(TEST, len(test)), random_state=0)
        self.classes = sorted(set(train.label))
        self.gold = dict(zip(self.train.text, self.train.label, strict=True))


def _dataset(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    classes = json.loads((folder / "meta.json").read_text())["classes"]
    parts = [pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test")]
    train, test = (part.assign(label=[classes[i] for i in part.label]) for part in parts)
    return train, test


def _demo() -> tuple[pd.DataFrame, pd.DataFrame]:
    from tyrogue.corpus.demo import demo_rows

    rows = pd.DataFrame([{"text": row.text, "label": row.gold} for row in demo_rows()])
    return rows.iloc[len(rows) // 5 :], rows.iloc[: len(rows) // 5]


class Server:
    """`tyrogue label` on a pool."""

    def __init__(self, data: Data, folder: Path, model: str, batch: int, mode: str) -> None:
        self.data, self.gold, self.folder, self.classes = data, data.gold, folder, data.classes
        data.train[["text"]].to_csv(folder / "pool.csv", index=False)
        data.test.to_csv(folder / "gold.csv", index=False)
        self.project = folder / "pool.tyrogue"
        command = [sys.executable, "-m", "tyrogue", "label", str(folder / "pool.csv")]
        command += ["--labels", ",".join(self.classes), "--test", str(folder / "gold.csv")]
        options = ["--model", model, "--batch", str(batch), "--audit", "0", "--no-browser", "--port", "0", f"--{mode}"]
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

    def curve(self) -> list[list[float]]:
        """Gives [labels, macro-F1] of each model in charge, on the test sample, as the project noted them."""
        from tyrogue.corpus.project import Project
        from tyrogue.store import Store

        project = Project.open(self.project)
        with Store.open(project.store_url, project.key) as store:
            points = [store.get(f"curve/{model.version}") for model in store.models()]
        return [[p["labels"], round(p["value"], 4)] for p in points if p is not None and p["source"] == "test"]

    def macro_f1(self) -> float:
        """Classifies the test sample with the project's newest model."""
        self.data.test[["text"]].to_csv(self.folder / "test.csv", index=False)
        out = self.folder / "predicted.csv"
        command = [sys.executable, "-m", "tyrogue", "predict", str(self.project), str(self.folder / "test.csv")]
        subprocess.run([*command, "-o", str(out)], check=True, capture_output=True)
        return float(f1_score(self.data.test.label, pd.read_csv(out).label, average="macro"))


Json = dict[str, Any]


class Annotator(threading.Thread):
    """Somebody who thinks for a log-normal time and then knows the gold label."""

    def __init__(self, server: Server, name: str, quota: Quota, ages: Ages, median: float, seed: int) -> None:
        super().__init__(name=name)
        self.server, self.quota, self.ages, self.median = server, quota, ages, median
        self.random = random.Random(seed)
        self.waits: list[float] = []
        self.errors = 0

    def run(self) -> None:
        first = True
        while self.quota.take():
            started = time.perf_counter()
            item = self.next_item()
            if not first:
                self.waits[-1] += time.perf_counter() - started
            first = False
            self.ages.shown(item)
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
            self.server.call("api/annotations", body | {"seconds": 3.0, "annotator": self.name})
            self.ages.labeled()
        except urllib.error.URLError:
            self.errors += 1
        self.waits.append(time.perf_counter() - started)


def over_http(data: Data, *, annotators: int, labels: int, mode: str, seconds: float, batch: int, model: str) -> Json:
    """Lets people label through the server; gives what they waited and what was learned."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(data, Path(folder), model, batch, mode)
        try:
            return _labeled(server, annotators, labels, seconds if mode == "ahead" else 0.0, batch)
        finally:
            server.stop()


def _labeled(server: Server, annotators: int, labels: int, seconds: float, batch: int) -> Json:
    started = time.perf_counter()
    while not server.call("api/next", {"n": 1, "annotator": "a0"})["items"]:
        time.sleep(0.02)
    first_text = server.ready_seconds + time.perf_counter() - started
    quota, ages = Quota(labels), Ages(batch)
    people = [Annotator(server, f"a{i}", quota, ages, seconds, i) for i in range(annotators)]
    trainings: dict[str, float] = {}
    for person in people:
        person.start()
    while any(person.is_alive() for person in people):
        _note_training(server, trainings)
        time.sleep(0.5)
    _wait_for_the_last(server, labels - batch // 2, trainings)
    waits = np.array([wait for person in people for wait in person.waits])
    return {
        "first_text_s": round(first_text, 2),
        "wait_p50_s": round(float(np.quantile(waits, 0.5)), 4),
        "wait_p95_s": round(float(np.quantile(waits, 0.95)), 4),
        "wait_max_s": round(float(waits.max()), 4),
        "waited_s": round(float(waits.sum()), 1),
        **ages.figures(),
        "errors": sum(person.errors for person in people),
        "train_s": round(float(np.median(list(trainings.values()) or [0])), 1),
        "macro_f1": round(server.macro_f1(), 4),
        "curve": server.curve(),
    }


def _note_training(server: Server, trainings: dict[str, float]) -> int:
    model = server.call("api/state")["model"]
    if model is None:
        return 0
    if model["kind"] != "linear":
        trainings[model["version"]] = model["train_seconds"]
    return int(model["labels"])


def _wait_for_the_last(server: Server, labels: int, trainings: dict[str, float]) -> None:
    deadline = time.monotonic() + 180
    while _note_training(server, trainings) < labels and time.monotonic() < deadline:
        time.sleep(0.5)


def session(data: Data, **setting: Any) -> Json:
    """Measures one setting."""
    told = {name: setting[name] for name in ("annotators", "labels", "mode", "model")}
    if setting["mode"] == "small-text":
        return told | small_text_session(data, labels=setting["labels"], batch=setting["batch"])
    return told | over_http(data, **setting)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotators", type=int, default=1)
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--mode", choices=("ahead", "synchronous", "small-text"), default="ahead")
    parser.add_argument("--seconds", type=float, default=3.0, help="median time to think")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--model", default="transformer")
    parser.add_argument("--data", type=Path, help="a dataset folder: train.parquet, test.parquet, meta.json")
    parser.add_argument("--save", help="write one setting to results/NAME.json")
    parser.add_argument("--all", action="store_true", help="every setting of the docs, into results/session.json")
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    options = parser.parse_args()
    datasets = os.environ.get("TYROGUE_DATASETS")
    folder = options.data or (Path(datasets, "ag_news") if datasets else None)
    data = Data(folder)
    where = {"data": "demo corpus" if folder is None else folder.name, "pool": POOL}
    same = {"seconds": options.seconds, "batch": options.batch, "model": options.model}
    if not options.all:
        one = session(data, annotators=options.annotators, labels=options.labels, mode=options.mode, **same)
        if options.save:
            write(options.save, {**where, "sessions": [one]})
        print(json.dumps(one))
        return
    sessions = []
    for annotators, labels, mode in ALL:
        sessions.append(session(data, annotators=annotators, labels=labels, mode=mode, **same))
        print(json.dumps(sessions[-1]), flush=True)
        write("session", {**where, "sessions": sessions})  # what was measured stays when it is stopped


if __name__ == "__main__":
    main()

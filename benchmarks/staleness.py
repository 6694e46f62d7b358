"""What it costs to never wait: F1 and stale share with the pipeline ahead and without, on a simulated clock.

    python benchmarks/staleness.py --data FOLDER --seeds 5

The real pipeline and store work; only time is made up. People give a label every three seconds, a fit is over when the
time that fits took in results/session.json has passed, and five texts are in the browser ahead of the one that is
read. So a batch is ranked while labels of the one before are still missing, exactly as in a live session. Frozen
embeddings and the linear model, so that seeds are cheap; the clock runs as if the transformer were trained.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from machine import RESULTS, write
from quota import Ages
from session import Data
from sklearn.metrics import f1_score

from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.encoders import open_encoder
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.fitting import Fitter
from tyrogue.labeling.pipeline import Pipeline
from tyrogue.labeling.plan import Plan
from tyrogue.models import LinearClassifier
from tyrogue.pool import Inputs
from tyrogue.store import Store
from tyrogue.types import Floats

PACE, AHEAD, BATCH = 3.0, 5, 50
TRAIN_SECONDS = 20.0
"""Of a fit, when there is no results/session.json."""
T95 = {3: 4.303, 4: 3.182, 5: 2.776, 10: 2.262}
"""Student's t for the mean of so many seeds, 95%."""


class SlowFitter(Fitter):
    """A fit ends when the made-up clock says so."""

    clock: datetime
    seconds = TRAIN_SECONDS
    until = datetime.min.replace(tzinfo=UTC)

    def _start_fit(self, kind: str, plan: Plan) -> None:
        SlowFitter.until = SlowFitter.clock + timedelta(seconds=0.0 if plan.ahead is False else self.seconds)
        super()._start_fit(kind, plan)

    @property
    def finished(self) -> bool:
        return super().finished and SlowFitter.clock >= SlowFitter.until


class Person:
    """Somebody who labels a project in made-up time, with the texts of the page's queue in hand."""

    def __init__(self, data: Data, project: Project, encoder: Any) -> None:
        SlowFitter.clock = datetime(2024, 1, 1, tzinfo=UTC)
        self.data = data
        self.store = Store.open(project.store_url, project.key, clock=lambda: SlowFitter.clock)
        self.engine = Engine(project, self.store)
        self.pipeline = Pipeline(project, self.store, encoder, say=lambda *_: None)
        self.classes = {c.name: c.id for c in self.store.classes()}
        self.ages, self.waited = Ages(BATCH), 0

    def works(self) -> None:
        """Lets the trainer do what it can at this moment of the made-up time."""
        fitter = self.pipeline.fitter
        while self.pipeline.step() or (fitter.busy and SlowFitter.clock >= SlowFitter.until):
            while fitter.busy and SlowFitter.clock >= SlowFitter.until and not fitter.finished:
                time.sleep(0.001)

    def label(self, n: int) -> None:
        """Gives n labels."""
        for _ in range(n):
            self.works()
            items = self.engine.next(AHEAD)["items"]
            while not items:  # the queue ran dry: people wait until the fit is over
                SlowFitter.clock = max(SlowFitter.clock, SlowFitter.until) + timedelta(seconds=0.1)
                self.waited += 1
                self.works()
                items = self.engine.next(AHEAD)["items"]
            self.ages.shown(items[0])
            SlowFitter.clock += timedelta(seconds=PACE)
            label = self.classes[self.data.gold[items[0]["text"]]]
            self.engine.submit(
                token=uuid.uuid4().hex, item=items[0]["id"], action="label", class_id=label, seconds=PACE
            )
            self.ages.labeled()
        self.works()

    def macro_f1(self, features: Floats) -> float:
        """Trains the linear model on all labels and tests it: what was chosen is judged, not what was last fitted."""
        rows, labels = self.pipeline.fitter.training_labels()
        model = LinearClassifier(len(self.classes), self.pipeline.encoder)
        model.fit(Inputs(lambda: self.engine.project.corpus.texts(rows), rows=rows), labels, seed=0)
        predicted = model.head(features).argmax(1)
        names = [c.name for c in self.store.classes()]
        return float(f1_score(self.data.test.label, [names[i] for i in predicted], average="macro"))

    def close(self) -> None:
        self.pipeline.fitter.close(patiently=True)
        self.store.close()


def curve(data: Data, folder: Path, test: Floats, *, seed: int, ahead: bool, at: list[int]) -> dict[str, Any]:
    """Labels a project of this seed; gives macro-F1 at some numbers of labels and the share of stale items."""
    project = Project.open(folder)
    plan = Plan(batch=BATCH, model="linear", audit=0.0, seed=seed, ahead=ahead)
    project.update(settings=plan.as_settings())
    for file in folder.glob("labels.sqlite*"):
        file.unlink()
    with Store.open(project.store_url, project.key) as store:
        for name in data.classes:
            store.add_class(name)
    encoder = CachedEncoder(open_encoder(), project.cache_dir, len(project.corpus))
    person, values = Person(data, project, encoder), []
    try:
        for before, until in zip([0, *at], at, strict=False):
            person.label(until - before)
            values.append(person.macro_f1(test))
    finally:
        person.close()
    return {"f1": values, "ran_dry": person.waited, **person.ages.figures()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a dataset folder")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--at", type=int, nargs="+", default=[100, 150, 200, 250, 300])
    options = parser.parse_args()
    print(json.dumps(measured(Data(options.data), options.seeds, options.at), indent=1))


def measured(data: Data, seeds: int, at: list[int]) -> dict[str, Any]:
    """Runs both modes on the same seeds, writes results/staleness.json and gives its figures."""
    SlowFitter.seconds = train_seconds()
    runs: dict[str, list[dict[str, Any]]] = {"ahead": [], "synchronous": []}
    no_previews = patch("tyrogue.labeling.dial.RATIOS", ())
    slow = patch("tyrogue.labeling.pipeline.Fitter", SlowFitter)
    known = patch("tyrogue.labeling.timing.Timing.expected_seconds", lambda *_: SlowFitter.seconds)
    with tempfile.TemporaryDirectory() as place, slow, known, no_previews:
        data.train[["text"]].to_csv(Path(place, "pool.csv"), index=False)
        import_source(Path(place, "pool.csv"), Path(place, "pool.tyrogue"), index_search=False)
        test = open_encoder().encode(list(data.test.text))
        for seed in range(seeds):
            for mode, found in runs.items():
                found.append(curve(data, Path(place, "pool.tyrogue"), test, seed=seed, ahead=mode == "ahead", at=at))
    f1 = {mode: np.array([run["f1"] for run in found]) for mode, found in runs.items()}
    apart = f1["ahead"] - f1["synchronous"]
    figures = {
        "pace_s": PACE,
        "train_s": SlowFitter.seconds,
        "seeds": seeds,
        "labels": at,
        "macro_f1": {mode: values.mean(0).round(4).tolist() for mode, values in f1.items()},
        "difference": apart.mean(0).round(4).tolist(),
        "difference_half_width": (T95.get(seeds, 2.0) * apart.std(0, ddof=1) / math.sqrt(seeds)).round(4).tolist(),
        **{
            name: {mode: round(float(np.mean([run[name] for run in found])), 4) for mode, found in runs.items()}
            for name in ("stale_share", "lacked_mean")
        },
        "ran_dry": {mode: sum(run["ran_dry"] for run in found) for mode, found in runs.items()},
    }
    write("staleness", figures)
    return figures


def train_seconds() -> float:
    """Gives how long a fit took in the recorded session."""
    path = RESULTS / "session.json"
    if not path.exists():
        return TRAIN_SECONDS
    sessions = json.loads(path.read_text())["figures"]["sessions"]
    return float(next((s["train_s"] for s in sessions if s["mode"] == "ahead" and s["train_s"]), TRAIN_SECONDS))


if __name__ == "__main__":
    main()

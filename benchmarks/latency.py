"""Seconds an acquisition takes, at any pool size: 10,000 candidates, 50 to label, r = 3, texts of about 64 tokens.

    python benchmarks/latency.py --pool 100000 --json
    python benchmarks/latency.py --pool 10000 100000 1000000 10000000 --keep FOLDER --save latency

    acquire    embeddings are cached, nothing else is ready: draw, read 10,000 vectors, k-means, 150 forward passes of
               the fine-tuned model, rank
    prepared   the clusters are ready: 150 forward passes, rank
    head       the clusters are ready and the model is linear
    refill     a whole round in a real session: opened, chosen, and queued in the store
    dial, dial_far    the ratio is moved there, to one that was prepared and to one that was not; until it is queued
    next, submit, state    what the page asks there, answered by the engine
    plain_forward    as many forward passes in plain transformers
    matmul_limit     their matrix products alone, in our number format
    current          with --current: as acquire, but all 10,000 candidates pass through the model

The texts are generated, and imported as a user's file is; both times are noted apart. The embeddings lie in the real
cache on disk: those of 2,048 of the texts by the default encoder, repeated with noise a tenth as long. In pools of more
than --fill rows only those are filled that are drawn: a file with holes reads like a full one. Each pool is measured in
a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from generated import BATCH, CLASSES, RATIO, Vectors, make_project
from machine import write

from tyrogue.corpus.project import Project, is_project
from tyrogue.encoders import open_encoder
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.pipeline import Pipeline
from tyrogue.labeling.supervisor import ENVIRONMENT
from tyrogue.learner import rng_of
from tyrogue.models import RECIPES, LinearClassifier, TransformerClassifier
from tyrogue.pool import Inputs, Pool
from tyrogue.store import Store
from tyrogue.strategies import Tyrogue
from tyrogue.types import Rows
from tyrogue.view import Mode, PoolView

CANDIDATES, LABELED, FITTED_ON = 10_000, 500, 64
Figures = dict[str, Any]


class Bench:
    """One pool with its models."""

    def __init__(self, project: Project, *, fill: int, repeats: int) -> None:
        self.project, self.repeats, self.corpus = project, repeats, project.corpus
        self.store = Store.open(project.store_url, project.key)
        encoder = open_encoder()
        self.encoder = CachedEncoder(encoder, project.cache_dir, len(self.corpus), pairs=False)
        self.vectors, self.complete = Vectors(project, encoder), len(self.corpus) <= fill
        if self.complete:
            self.vectors.fill(np.arange(len(self.corpus), dtype=np.int64))
        rng = np.random.default_rng(2)
        self.labeled = np.sort(rng.choice(len(self.corpus), LABELED, replace=False)).astype(np.int64)
        self.labels = rng.integers(CLASSES, size=LABELED).astype(np.int64)
        self.vectors.fill(self.labeled)
        self.tuned, self.linear = self._tuned(), self._linear()
        self.strategy = Tyrogue(ratio=RATIO, candidates=CANDIDATES)

    def inputs(self, rows: Rows) -> Inputs:
        return Inputs(lambda: self.corpus.texts(rows), rows=rows, embed=self.encoder.embed)

    def current(self, repeats: int) -> dict[str, list[float]]:
        """Gives the seconds of acquisitions in which all candidates pass through the model, and of their passes."""
        taken: dict[str, list[float]] = {"current": [], "current_forward": []}
        for seed in range(repeats):
            view = self.view(self.tuned, mode="current")
            rng = np.random.default_rng(seed)
            taken["current"].append(timed(partial(self.strategy.query, view, BATCH, rng)))
            taken["current_forward"].append(view.spent.infer_seconds + view.spent.embed_seconds)
        return taken

    def _tuned(self) -> TransformerClassifier:
        recipe = replace(RECIPES["finetune"], epochs=1, min_steps=0)
        model = TransformerClassifier(CLASSES, recipe=recipe)
        model.fit(self.inputs(self.labeled[:FITTED_ON]), self.labels[:FITTED_ON], seed=0)
        return model

    def _linear(self) -> LinearClassifier:
        model = LinearClassifier(CLASSES, self.encoder, c=1.0)
        model.fit(self.inputs(self.labeled), self.labels, seed=0)
        return model

    def view(self, model: TransformerClassifier | LinearClassifier, mode: Mode = "cached") -> PoolView:
        pool = Pool(self.corpus, reference=self.corpus.reference)
        pool.teach(self.labeled, self.labels)
        return PoolView(pool, model, self.encoder, n_classes=CLASSES, mode=mode, round=1)

    def acquisition(self) -> dict[str, list[float]]:
        """Gives the seconds of each repeat of each part; the first one warms up."""
        taken: dict[str, list[float]] = {}
        for seed in range(self.repeats + 1):
            for name, value in self.once(seed).items():
                if seed:
                    taken.setdefault(name, []).append(value)
        return taken

    def once(self, seed: int) -> dict[str, float]:
        if not self.complete:
            self.vectors.fill(self.view(self.tuned).draw(CANDIDATES, np.random.default_rng(seed)))
        view, seconds = self.view(self.tuned), dict[str, float]()
        seconds["acquire"] = timed(lambda: self.strategy.query(view, BATCH, np.random.default_rng(seed)))
        parts = {
            "draw": view.spent.draw_seconds,
            "gather": view.spent.embed_seconds,
            "forward": view.spent.infer_seconds,
        }
        seconds |= parts | {"cluster_and_rank": seconds["acquire"] - sum(parts.values())}
        stage = self.strategy.stage(self.view(self.tuned), BATCH, np.random.default_rng(seed))
        tuned, linear = self.view(self.tuned), self.view(self.linear)
        seconds["prepared"] = timed(lambda: self.strategy.rank(tuned, stage, BATCH))
        seconds["head"] = timed(lambda: self.strategy.rank(linear, stage, BATCH))
        return seconds


class Plain:
    """The same forward passes as most people write them, and what no program can undercut."""

    def __init__(self, bench: Bench) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        from tyrogue.backbone import locate

        self.model = AutoModelForSequenceClassification.from_pretrained(locate("default"), num_labels=CLASSES).eval()
        self.tokenizer, self.dtype = AutoTokenizer.from_pretrained(locate("default")), bench.tuned.dtype
        self.texts = bench.corpus.texts(np.arange(RATIO * BATCH, dtype=np.int64))
        self.tokens = sum(map(len, self.tokenizer(list(self.texts))["input_ids"]))

    def measured(self, repeats: int) -> dict[str, list[float]]:
        parts: dict[str, Callable[[], None]] = {"plain_forward": self.forward, "matmul_limit": self.products}
        return {name: [timed(part) for _ in range(repeats + 1)][1:] for name, part in parts.items()}

    def forward(self) -> None:
        import torch

        with torch.inference_mode():
            for start in range(0, len(self.texts), 32):
                some = self.texts[start : start + 32]
                self.model(**self.tokenizer(some, padding=True, truncation=True, max_length=128, return_tensors="pt"))

    def products(self) -> None:
        """The products with the layers' weights: no padding, no attention, no tokenizing."""
        import torch

        config = self.model.config
        x, widths = torch.zeros(2048, config.hidden_size, dtype=self.dtype), [config.hidden_size] * 4
        weights = [torch.zeros(config.hidden_size, width, dtype=self.dtype) for width in widths]
        up = torch.zeros(config.hidden_size, config.intermediate_size, dtype=self.dtype)
        down = torch.zeros(config.intermediate_size, config.hidden_size, dtype=self.dtype)
        with torch.inference_mode():
            for start in range(0, self.tokens, len(x)):
                some = x[: self.tokens - start]
                for _ in range(config.num_hidden_layers):
                    for weight in weights:
                        some @ weight
                    (some @ up) @ down


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Session:
    """The real web side and the real pipeline on the pool, with the fine-tuned model in charge."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.store = bench, bench.store
        version = f"m{uuid.uuid4().hex[:6]}"
        bench.tuned.save(bench.project.models_dir / version)
        self.store.add_model(
            version, kind="transformer", path=f"models/{version}", round=0, labels=LABELED, train_seconds=1.0,
            journal_position=self.store.journal_position(), class_ids=self.store.class_index(), metrics={},
        )  # fmt: skip
        self.engine = Engine(bench.project, self.store)
        self.pipeline = Pipeline(bench.project, self.store, bench.encoder, say=lambda *_: None)
        if not bench.complete:  # the embedding of what is not filled is not what is measured
            self.pipeline.chooser.ahead._remember = bench.vectors.fill  # type: ignore[method-assign]
        self.settle()

    def settle(self) -> None:
        while self.pipeline.step():
            pass

    def measured(self, repeats: int) -> dict[str, list[float]]:
        taken: dict[str, list[float]] = {name: [] for name in ("next", "submit", "state", "dial", "dial_far", "refill")}
        for n in range(repeats):
            taken["next"].append(timed(lambda: self.engine.next(5)))
            taken["submit"].append(timed(self.submit))
            taken["state"].append(timed(self.engine.state))
            taken["dial"].append(self.moved((2, 4, 6)[n % 3]))
            taken["dial_far"].append(self.moved(5 if n % 2 else 7))
            self.moved(RATIO)
            if n % 4 == 0:
                taken["refill"].append(self.refilled())
        return taken

    def submit(self) -> None:
        item = self.engine.next(1)["items"][0]["id"]
        self.engine.submit(token=uuid.uuid4().hex, item=item, action="label", class_id=0)

    def moved(self, ratio: int) -> float:
        self.settle()
        self.engine.change(ratio=ratio)
        return timed(self.pipeline.step)

    def refilled(self) -> float:
        """Somebody takes a batch; the next round is opened."""
        self.settle()
        last, plan = self.store.rounds()[-1], self.pipeline.plan
        self.engine.next(BATCH, f"somebody {uuid.uuid4().hex}")
        if not self.bench.complete:
            view = self.pipeline.chooser.view(last, plan, replacing=False)
            self.bench.vectors.fill(view.draw(CANDIDATES, rng_of(plan.seed, last.number + 1)))
        return timed(self.pipeline.step)


def measure(project: Project, fill: int, repeats: int, current: int) -> Figures:
    """Gives the figures of one pool, measured in this process."""
    bench = Bench(project, fill=fill, repeats=repeats)
    seconds = bench.current(current) if current else bench.acquisition() | Session(bench).measured(repeats)
    memory = psutil.Process().memory_info().rss  # before the plain model is loaded beside ours
    plain = Plain(bench)
    found: Figures = {"pool": len(bench.corpus), "repeats": repeats}
    for name, values in (seconds | plain.measured(repeats)).items():
        found[f"{name}_p50_s"] = round(float(np.quantile(values, 0.5)), 4)
        found[f"{name}_p95_s"] = round(float(np.quantile(values, 0.95)), 4)
    if current:
        share = CANDIDATES / len(plain.texts)
        found["current_to_matmul_limit"] = round(found["current_p50_s"] / (found["matmul_limit_p50_s"] * share), 2)
    else:
        found["acquire_to_plain_forward"] = round(found["acquire_p50_s"] / found["plain_forward_p50_s"], 2)
        found["prepared_to_matmul_limit"] = round(found["prepared_p50_s"] / found["matmul_limit_p50_s"], 2)
    found["tokens_mean"] = round(plain.tokens / len(plain.texts), 1)
    found["dtype"] = str(plain.dtype).removeprefix("torch.")
    found["rss_mb"] = round(memory / 2**20)
    found["load_average"] = round(psutil.getloadavg()[0], 1)
    return found


def apart(pool: int, options: argparse.Namespace) -> Figures:
    """Measures one pool in a process of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.keep or temporary) / str(pool)
        folder.mkdir(parents=True, exist_ok=True)
        if not is_project(folder / "pool.tyrogue"):
            (folder / "made.json").write_text(json.dumps(make_project(folder, pool)))
        command = [sys.executable, __file__, "--pool", str(pool), "--child", str(folder / "pool.tyrogue")]
        command += ["--repeats", str(options.repeats), "--fill", str(options.fill), "--current", str(options.current)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | ENVIRONMENT)
        measured: Figures = json.loads(done.stdout.splitlines()[-1])
        made: Figures = json.loads((folder / "made.json").read_text())
        return measured | made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=int, nargs="+", default=[100_000], help="texts; several are measured in turn")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--fill", type=int, default=2_000_000, help="largest pool of which every row gets its vector")
    parser.add_argument("--current", type=int, default=0, help="only measure so many acquisitions in mode current")
    parser.add_argument("--keep", type=Path, help="keep the generated pools here and use them again")
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    parser.add_argument("--save", help="write results/NAME.json")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(Project.open(options.child), options.fill, options.repeats, options.current)))
        return
    runs = []
    for pool in options.pool:
        runs.append(apart(pool, options))
        print(json.dumps(runs[-1]), flush=True)
    if options.save:
        print("written to", write(options.save, {"pools": runs}), file=sys.stderr)


if __name__ == "__main__":
    main()

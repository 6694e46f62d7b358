"""Measures every strategy: seconds and peak memory, beside small-text and scikit-activeml where they have the same.

    python benchmarks/acquisition.py --pools 10000 100000
    python benchmarks/acquisition.py --forward 10000 --data DATASETS/ag_news

Features and logits are ready (made up, or real with --data), so that the acquisition alone is timed; with --forward
every row that a strategy asks about passes through the default encoder first. Each cell runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from embeddings import made_up, real, texts_of
from machine import write
from peers import IMPORTS, PEERS, Query

from tyrogue.pool import Inputs, Pool, Texts
from tyrogue.strategies import STRATEGIES
from tyrogue.testing.views import GivenEmbedder, GivenModel
from tyrogue.types import Floats, Labels, Rows
from tyrogue.view import PoolView

LABELED = 200
MEBI = 1024  # ru_maxrss is in KiB


@dataclass(frozen=True)
class Cell:
    """One measurement."""

    library: str
    strategy: str
    pool: int
    width: int
    classes: int
    batch: int
    repeats: int
    forward: bool = False
    data: str = ""
    cache: str = ""


class EncodingModel(GivenModel):
    """A head on the default encoder: every row asked costs its forward pass."""

    def __init__(self, weights: Floats) -> None:
        from tyrogue.encoders import open_encoder

        super().__init__(np.empty((0, len(weights)), np.float32), weights)
        self.encoder, self.rows = open_encoder(), 0

    def features(self, inputs: Inputs) -> Floats:
        self.rows += len(inputs)
        texts = list(inputs.texts)
        parts = [self.encoder.encode(texts[start : start + 256]) for start in range(0, len(texts), 256)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.weights)), np.float32)

    def embed(self, inputs: Inputs) -> Floats:
        """As an embedder without a cache."""
        return self.features(inputs)


def known(n: int, classes: int) -> tuple[Rows, Labels]:
    """Gives the labeled rows and their labels."""
    rng = np.random.default_rng(1)
    return np.sort(rng.choice(n, min(LABELED, n // 4), replace=False)), rng.integers(classes, size=min(LABELED, n // 4))


def view_on(cell: Cell, features: Floats, weights: Floats, texts: list[str]) -> PoolView:
    """Gives a fresh view; nothing of an earlier round is remembered."""
    pool = Pool(Texts(texts))
    pool.teach(*known(len(texts), cell.classes))
    if cell.forward:
        model = EncodingModel(weights)
        return PoolView(pool, model, model, n_classes=cell.classes, mode="current", round=1)
    embedder = GivenEmbedder(features)
    return PoolView(pool, GivenModel(features, weights), embedder, n_classes=cell.classes, mode="current", round=1)


def peak_mb() -> float:
    """Gives the most memory this process has held."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEBI, 1)


def run(cell: Cell) -> dict[str, Any]:
    """Measures one cell in this process."""
    texts = texts_of(Path(cell.data), cell.pool) if cell.data else [str(row) for row in range(cell.pool)]
    weights = 6 * np.random.default_rng(2).normal(size=(cell.width, cell.classes)).astype(np.float32)
    if cell.forward:
        features = np.empty((0, cell.width), np.float32)
    else:
        features = real(texts, Path(cell.cache)) if cell.data else made_up(cell.pool, cell.width)
    before = peak_mb()
    seconds, inferred = [], 0
    if cell.library == "tyrogue":
        for seed in range(cell.repeats):
            view = view_on(cell, features, weights, texts)
            started = time.perf_counter()
            STRATEGIES[cell.strategy]().query(view, cell.batch, np.random.default_rng(seed))
            seconds.append(time.perf_counter() - started)
            inferred = view.model.rows if isinstance(view.model, EncodingModel) else view.spent.rows_inferred
    else:
        query = theirs(cell, features, weights)
        if query is None:
            return {**asdict(cell), "skipped": "has no such method"}
        for _ in range(cell.repeats):
            started = time.perf_counter()
            query(cell.batch)
            seconds.append(time.perf_counter() - started)
    return {
        **asdict(cell),
        "seconds_median": round(statistics.median(seconds), 4),
        "seconds_all": [round(value, 4) for value in seconds],
        "rows_inferred": inferred,
        "base_mb": before,
        "peak_mb": peak_mb(),
    }


def theirs(cell: Cell, features: Floats, weights: Floats) -> Query | None:
    labeled, labels = known(len(features), cell.classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return PEERS[cell.library](cell.strategy, features, np.asarray(features @ weights), labeled, labels)


def apart(cell: Cell, limit: int) -> dict[str, Any]:
    """Measures one cell in a process of its own."""
    if cell.library in IMPORTS and find_spec(IMPORTS[cell.library]) is None:
        return {**asdict(cell), "skipped": "not installed"}
    command = [sys.executable, "-W", "ignore", __file__, "--cell", json.dumps(asdict(cell))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {**asdict(cell), "skipped": f"not done after {limit} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {**asdict(cell), "skipped": f"failed ({done.returncode}): {last[:200]}"}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def grid(args: argparse.Namespace) -> list[Cell]:
    """Gives the cells to measure."""
    data, cache = (str(args.data), str(args.cache)) if args.data else ("", "")
    cells = [
        Cell(library, name, pool, args.width, args.classes, args.batch, args.repeats, data=data, cache=cache)
        for pool in args.pools
        for name in args.strategies
        for library in ["tyrogue", *(args.peers if args.peers is not None else PEERS)]
    ]
    if args.forward:
        cells += [
            Cell("tyrogue", name, args.forward, args.width, args.classes, args.batch, 1, forward=True, data=data)
            for name in args.strategies
            if name != "alps"  # needs another model
        ]
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pools", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--strategies", nargs="*", default=sorted(STRATEGIES))
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--classes", type=int, default=14)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=int, default=1800, help="seconds after which a cell is given up")
    parser.add_argument("--forward", type=int, default=0, help="measure a pool of so many texts with forward passes")
    parser.add_argument("--data", type=Path, help="a dataset folder with train.parquet; made-up features without")
    parser.add_argument("--cache", type=Path, default=Path("acquisition_embeddings.npz"))
    parser.add_argument("--peers", nargs="*", choices=sorted(PEERS), help="which to measure beside (default: all)")
    parser.add_argument("--name", default="acquisition", help="of the result file")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.cell:
        print(json.dumps(run(Cell(**json.loads(args.cell)))))
        return
    if args.forward and not args.data:
        parser.error("--forward needs texts: give --data")
    rows: list[dict[str, Any]] = []
    for cell in grid(args):
        rows.append(row := apart(cell, args.limit))
        what = row.get("skipped") or f"{row['seconds_median']:9.3f} s  {row['peak_mb']:8.0f} MB"
        print(
            f"{cell.pool:8} {cell.strategy:17} {cell.library:16} {'forward ' if cell.forward else ''}{what}", flush=True
        )
        written = write(args.name, {"labeled": LABELED, "cells": rows})  # what was measured stays when it is stopped
    print("written to", written)


if __name__ == "__main__":
    main()

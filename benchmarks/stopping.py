"""How early or late each reason to stop comes true, on recorded runs whose true curve is known.

    python benchmarks/stopping.py --data DATASETS

The runs of a strategy are trained again from the rows that they recorded, with the same frozen embeddings and linear
head. A random sample of the pool plays the reference sample, five of it are checked with each fifty labels, and what
the trainer would have told is computed from these alone. The truth is the test set: labeling was worth it until the
first number of labels after which macro-F1 gains less than half a point in the next hundred.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from machine import write

from tyrogue import stopping
from tyrogue.estimates import ENOUGH
from tyrogue.experiments import results, scores
from tyrogue.experiments.data import Task
from tyrogue.experiments.embeddings import Precomputed, default_cache
from tyrogue.experiments.grid import DatasetEntry
from tyrogue.experiments.run import load_task
from tyrogue.labeling import advice
from tyrogue.labeling.report import flips
from tyrogue.models.linear import LinearClassifier
from tyrogue.pool import as_rows
from tyrogue.types import Labels, Rows

SAMPLE, CHECKS, AHEAD = 1_000, 5, stopping.AHEAD
REASONS = ("stable", "sure", "flat", "little by the checks", "little by cross-validation", "two of these")
CHOSEN_ON = ("ag_news", "sst2", "csabstruct", "dbpedia14")
Json = dict[str, Any]


@dataclass
class Told:
    """What is known after each round."""

    labels: list[int] = field(default_factory=list)
    f1: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    said: list[Labels] = field(default_factory=list)
    """Predictions on the sample."""
    doubt: list[float] = field(default_factory=list)
    folds: list[float] = field(default_factory=list)
    """Cross-validated accuracy."""


def replay(record: results.Record, task: Task, vectors: Precomputed) -> Iterator[tuple[Told, Labels]]:
    """Gives what is known after each round, and the true classes of the sample."""
    inputs, told = task.train_inputs(vectors), Told()
    labeled = np.concatenate([as_rows(one.rows) for one in record.rounds])
    rng = np.random.default_rng(record.config["seed"])
    sample = rng.permutation(np.setdiff1d(np.arange(len(task.train)), labeled))[:SAMPLE].astype(np.int64)
    test = task.test_inputs(vectors)
    for number, one in enumerate(record.rounds):
        rows = labeled[: one.labeled]
        model = _model(task)
        model.fit(inputs.take(rows), task.train.labels[rows], seed=0)
        on_test = scores.evaluate(model.infer(test).logits, task.test.labels)
        logits = model.infer(inputs.take(sample)).logits
        told.labels.append(one.labeled)
        told.f1.append(on_test["macro_f1"])
        told.accuracy.append(on_test["accuracy"])
        told.said.append(logits.argmax(1).astype(np.int64))
        told.doubt.append(stopping.uncertainty(logits))
        told.folds.append(_folds(task, inputs, rows, number))
        yield told, task.train.labels[sample]


def _model(task: Task) -> LinearClassifier:
    return LinearClassifier(task.n_classes)  # C and temperature by cross-validation, as in the app


def _folds(task: Task, inputs: Any, rows: Rows, seed: int) -> float:
    fold = np.random.default_rng(seed).permutation(len(rows)) % 5
    right = []
    for held in range(5):
        model = LinearClassifier(task.n_classes, c=10.0)
        model.fit(inputs.take(rows[fold != held]), task.train.labels[rows[fold != held]], seed=0)
        said = model.infer(inputs.take(rows[fold == held])).logits.argmax(1)
        right.append(said == task.train.labels[rows[fold == held]])
    return float(np.concatenate(right).mean())


def reasons(told: Told, gold: Labels) -> tuple[dict[str, bool], dict[str, stopping.Gain | None]]:
    """Gives which reasons hold now, and what the next hundred labels are said to be worth by either curve."""
    now, n = told.labels[-1], CHECKS * len(told.labels)
    kappas = (
        [stopping.kappa(a, b) for a, b in zip(told.said[-4:-1], told.said[-3:], strict=True)]
        if len(told.said) > 3
        else []
    )
    rights = [(said == gold)[:n] for said in told.said]
    earlier = [right for right, labels in zip(rights, told.labels, strict=True) if labels <= now - AHEAD]
    flat = advice.flat(earlier[-1].astype(np.int64) if earlier else None, rights[-1].astype(np.int64), AHEAD)
    rng, accuracy = np.random.default_rng(0), [float(right.mean()) for right in rights]
    agreements = [float((a == b).mean()) for a, b in pairwise(told.said[-stopping.LAST - 1 :])]
    luck = stopping.luck_of(agreements)
    noise = float(np.sqrt(told.folds[-1] * (1 - told.folds[-1]) / now))
    gains = {
        "checks": stopping.expected_gain(told.labels, accuracy, AHEAD, rng, noise=flips(rights), luck=luck)
        if n >= ENOUGH
        else None,
        "cross-validation": stopping.expected_gain(told.labels, told.folds, AHEAD, rng, noise=noise, luck=luck),
    }
    little = {name: gain is not None and gain.expected < stopping.LITTLE for name, gain in gains.items()}
    stuck = stopping.stuck(told.said[-1], gold, int(gold.max()) + 1)
    held = {
        "stable": bool(stopping.stable(kappas)) and not stuck,
        "sure": told.doubt[-1] < stopping.LOW_UNCERTAINTY,
        "flat": bool(flat["holds"]),
        "little by the checks": little["checks"],
        "little by cross-validation": little["cross-validation"],
    }
    return held | {"two of these": sum(held.values()) >= 2}, gains


def one_run(record: results.Record, task: Task, vectors: Precomputed) -> Json:
    """Gives when each reason came true in a run, and when it should have."""
    fired: dict[str, int | None] = dict.fromkeys(REASONS)
    promised: list[tuple[str, int, stopping.Gain]] = []
    for known, gold in replay(record, task, vectors):
        told = known
        held, gains = reasons(known, gold)
        for name in REASONS:
            if held[name] and fired[name] is None:
                fired[name] = known.labels[-1]
        promised += [(name, known.labels[-1], gain) for name, gain in gains.items() if gain is not None]
    f1, accuracy = (dict(zip(told.labels, values, strict=True)) for values in (told.f1, told.accuracy))
    enough = [n for n in told.labels if n + AHEAD in f1 and f1[n + AHEAD] - f1[n] < stopping.LITTLE]
    return {
        "dataset": record.config["dataset"]["name"],
        "seed": record.config["seed"],
        "enough": enough[0] if enough else None,
        "fired": fired,
        "left": {name: None if at is None else round(max(told.f1) - f1[at], 4) for name, at in fired.items()},
        "kappa": round(stopping.kappa(*told.said[-2:]), 4),
        "doubt": round(told.doubt[-1], 4),
        "promises": [
            {"by": name, "labels": n, "gained": round(accuracy[n + AHEAD] - accuracy[n], 4)}
            | {part: round(value, 4) for part, value in gain._asdict().items()}
            for name, n, gain in promised
            if n + AHEAD in accuracy
        ],
    }


def summary(runs: list[Json], last: int) -> list[Json]:
    """Gives for each reason how often it came true, how late, and what would have been left on the table.

    A run that never had enough within its budget counts as having it at its last label: a reason that came true before
    was early by at least so much.
    """
    found = []
    for name in REASONS:
        came = [run for run in runs if run["fired"][name] is not None]
        late = [run["fired"][name] - (run["enough"] or last) for run in came]
        left = [100 * run["left"][name] for run in came]
        found.append(
            {
                "reason": name,
                "came_true": len(came),
                "median_late": float(np.median(late)) if late else None,
                "early_by_more_than_100": sum(one < -100 for one in late),
                "within_100": sum(abs(one) <= 100 for one in late),
                "late_by_more_than_100": sum(one > 100 for one in late),
                "points_left_median": round(float(np.median(left)), 2) if left else None,
                "points_left_most": round(max(left), 2) if left else None,
            }
        )
    return found


def promises(runs: list[Json]) -> list[Json]:
    """Gives how often the interval of the expected gain held what the test set then showed.

    On the datasets on which the factor of `luck_of` was chosen, and on those that had no part in it.
    """
    parts = [(by, part) for by in ("checks", "cross-validation") for part in ("chosen on", "held out")]
    found = []
    for by, part in parts:
        some = [run for run in runs if (run["dataset"] in CHOSEN_ON) == (part == "chosen on")]
        told = [one for run in some for one in run["promises"] if one["by"] == by]
        if not told:
            continue
        off = np.array([one["expected"] - one["gained"] for one in told])
        held = [one["low"] <= one["gained"] <= one["high"] for one in told]
        figures = {
            "bias": off.mean(),
            "error": np.abs(off).mean(),
            "width": np.mean([o["high"] - o["low"] for o in told]),
        }
        found.append({"by": by, "datasets": part, "n": len(told), "held": round(float(np.mean(held)), 4)} | {
            name: round(100 * float(value), 2) for name, value in figures.items()
        })  # fmt: skip
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=Path("experiments/results/cpu"))
    parser.add_argument("--strategy", default="tyrogue")
    parser.add_argument("--datasets", default="ag_news,sst2,csabstruct,dbpedia14,germeval2018,nicta_piboso")
    parser.add_argument("--seeds", default="42,100,200")
    options = parser.parse_args()
    seeds, runs = {int(seed) for seed in options.seeds.split(",")}, []
    for record in results.read_all(options.results):
        config = record.config
        wanted = config["dataset"]["name"] in options.datasets.split(",") and config["seed"] in seeds
        if config["kind"] != "curve" or config["strategy"]["name"] != options.strategy or not wanted:
            continue
        entry = DatasetEntry(*(config["dataset"][name] for name in ("name", "train_rows", "test_rows")))
        file = f"{entry.name}-{config['dataset']['digest']}-{config['encoder'][:16]}.npy"
        task, vectors = load_task(entry, options.data), np.load(default_cache() / file, mmap_mode="r")
        runs.append(one_run(record, task, Precomputed(vectors)))
        print(runs[-1]["dataset"], runs[-1]["seed"], runs[-1]["enough"], runs[-1]["fired"], flush=True)
    budget = int(config["budget"])
    figures = {
        "strategy": options.strategy,
        "budget": budget,
        "reasons": summary(runs, budget),
        "promises": promises(runs),
    }
    print(write("stopping", figures | {"runs": runs}))

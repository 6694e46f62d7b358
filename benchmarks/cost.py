"""What a whole session of 500 labels costs this machine: every training and every acquisition, in minutes.

    python benchmarks/cost.py --data DATASETS/ag_news

The loop of the labeling app with gold labels in people's place: batches of 50 out of 10,000 texts, the product's
preset and the ratio that adapts itself, the fine-tuned model answering the strategy. Embedding the pool once is told
apart. The app also compares the kinds of models when nothing else is to do (docs/adr/0008): three trainings of either
kind at each of the numbers of labels listed; people do not wait for these, nor for any other training.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from machine import write

from tyrogue.backbone import use_free_threads
from tyrogue.encoders import open_encoder
from tyrogue.experiments.embeddings import Precomputed
from tyrogue.experiments.grid import DatasetEntry
from tyrogue.experiments.run import load_task
from tyrogue.experiments.simulate import Round, simulate
from tyrogue.labeling.tiers import FEWEST, GROWN
from tyrogue.models import TransformerClassifier
from tyrogue.models.crossfit import FOLDS
from tyrogue.strategies import Tyrogue

POOL, TEST, BATCH, BUDGET = 10_000, 500, 50, 500


def compared_at(labels: list[int]) -> list[int]:
    """Gives the numbers of labels at which the app would compare the kinds of models."""
    found = [FEWEST]
    for n in labels:
        if n >= GROWN * found[-1]:
            found.append(n)
    return found


def main() -> None:
    """Measures and writes results/cost.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a dataset folder")
    parser.add_argument("--ratio", default="auto")
    options = parser.parse_args()
    threads = use_free_threads()
    task = load_task(DatasetEntry(options.data.name, POOL, TEST), options.data.parent)
    encoder = open_encoder()
    started = time.perf_counter()
    vectors = np.concatenate([encoder.encode(part.texts) for part in (task.train, task.test)])
    embedded = time.perf_counter() - started

    def told(round: Round) -> None:
        print(f"{round.labeled} labels: trained {round.train_seconds:.1f} s, chosen {round.acquire_seconds:.2f} s")

    run = simulate(
        task,
        Tyrogue(ratio=options.ratio),
        lambda: TransformerClassifier(task.n_classes),
        Precomputed(vectors),
        batch=BATCH,
        budget=BUDGET,
        on_round=told,
    )
    fits = {round.labeled: round.train_seconds for round in run.rounds}
    aside = compared_at(list(fits))
    # Two of three folds are trained on: as long as a fit of so many labels less.
    idle = sum(FOLDS * fits[min(fits, key=lambda n: abs(n - 2 * labels / 3))] for labels in aside)
    figures = {
        "data": options.data.name,
        "pool": POOL,
        "labels": BUDGET,
        "threads": threads,
        "embedding_the_pool_minutes": round(embedded / 60, 2),
        "training_minutes": round(sum(fits.values()) / 60, 2),
        "training_seconds": {str(n): round(seconds, 1) for n, seconds in fits.items()},
        "acquiring_minutes": round(sum(round.acquire_seconds for round in run.rounds) / 60, 2),
        "comparing_in_idle_time_minutes_estimated": round(idle / 60, 2),
        "compared_at": aside,
        "macro_f1": round(run.rounds[-1].macro_f1, 4),
    }
    figures["minutes"] = round(figures["training_minutes"] + figures["acquiring_minutes"], 2)
    print(write("cost", figures))


if __name__ == "__main__":
    main()

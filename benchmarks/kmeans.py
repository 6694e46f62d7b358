"""Compares k-means implementations on real sentence embeddings: seconds, CPU seconds and inertia.

    python benchmarks/kmeans.py --data DATASETS/ag_news

Ours, scikit-learn with one and with ten restarts (the paper's), faiss and fastkmeans where they are installed.
The runs of different implementations take turns, so that a busy moment of the machine hits all of them.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from embeddings import real, texts_of
from machine import write

from tyrogue import clustering, ops
from tyrogue.types import Floats

Run = Callable[[Floats, int, int], Floats]
"""(vectors, k, seed) -> centers."""


def ours(vectors: Floats, k: int, seed: int) -> Floats:
    return clustering.kmeans(vectors, k, np.random.default_rng(seed)).centers


def published(vectors: Floats, k: int, seed: int) -> Floats:
    return clustering.kmeans(vectors, k, np.random.default_rng(seed), n_init=10, published=True).centers


def scikit_learn(vectors: Floats, k: int, seed: int) -> Floats:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(k, n_init=1, random_state=seed).fit(vectors).cluster_centers_, np.float32)


def scikit_learn_random(vectors: Floats, k: int, seed: int) -> Floats:
    from sklearn.cluster import KMeans

    fitted = KMeans(k, init="random", n_init=1, random_state=seed).fit(vectors)
    return np.asarray(fitted.cluster_centers_, np.float32)


def scikit_learn_minibatch(vectors: Floats, k: int, seed: int) -> Floats:
    from sklearn.cluster import MiniBatchKMeans

    return np.asarray(MiniBatchKMeans(k, n_init=1, random_state=seed).fit(vectors).cluster_centers_, np.float32)


def faiss(vectors: Floats, k: int, seed: int) -> Floats:
    import faiss as library

    kmeans = library.Kmeans(vectors.shape[1], k, niter=25, seed=seed, max_points_per_centroid=len(vectors))
    kmeans.train(vectors)
    return np.asarray(kmeans.centroids, np.float32)


def fastkmeans(vectors: Floats, k: int, seed: int) -> Floats:
    from fastkmeans import FastKMeans

    kmeans = FastKMeans(vectors.shape[1], k, niter=25, gpu=False, seed=seed)
    kmeans.train(vectors)
    return np.asarray(kmeans.centroids, np.float32)


RUNS: dict[str, tuple[Run, str | None]] = {
    "tyrogue": (ours, None),
    "scikit-learn, 1 init": (scikit_learn, None),
    "scikit-learn, 10 inits (the paper)": (published, None),
    "scikit-learn, 1 random init": (scikit_learn_random, None),
    "scikit-learn, mini-batch": (scikit_learn_minibatch, None),
    "faiss": (faiss, "faiss"),
    "fastkmeans": (fastkmeans, "fastkmeans"),
}


def installed(package: str | None) -> bool:
    if package is None:
        return True
    try:
        __import__(package)
    except ImportError:
        return False
    return True


def measure(vectors: Floats, k: int, repeats: int, slow_repeats: int) -> dict[str, dict[str, float | str]]:
    """Gives the figures of each implementation, or why there are none."""
    there = {name: run for name, (run, package) in RUNS.items() if installed(package)}
    seconds: dict[str, list[float]] = {name: [] for name in there}
    cpu: dict[str, list[float]] = {name: [] for name in there}
    inertia: dict[str, list[float]] = {name: [] for name in there}
    for run in there.values():
        run(vectors[: 4 * k], k, 0)  # imports and first-call costs
    for seed in range(repeats):
        for name, run in there.items():
            if "10 inits" in name and seed >= slow_repeats:
                continue
            started, worked = time.perf_counter(), time.process_time()
            centers = run(vectors, k, seed)
            seconds[name].append(time.perf_counter() - started)
            cpu[name].append(time.process_time() - worked)
            inertia[name].append(float(clustering.nearest_distances(vectors, centers).sum(dtype=np.float64)))
    base = statistics.mean(inertia["scikit-learn, 1 init"])
    figures: dict[str, dict[str, float | str]] = {
        name: {
            "seconds_median": round(statistics.median(seconds[name]), 4),
            "cpu_seconds_median": round(statistics.median(cpu[name]), 4),
            "inertia_mean": round(statistics.mean(inertia[name]), 2),
            "inertia_to_scikit_learn": round(statistics.mean(inertia[name]) / base, 4),
            "runs": len(seconds[name]),
        }
        for name in there
    }
    return figures | {name: {"skipped": "not installed"} for name in RUNS if name not in there}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="a dataset folder with train.parquet")
    parser.add_argument("--cache", type=Path, default=Path("kmeans_embeddings.npz"), help="where embeddings are kept")
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--k", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--slow-repeats", type=int, default=2, help="of the ten-restart setting")
    args = parser.parse_args()
    vectors = ops.unit(real(texts_of(args.data, args.n), args.cache))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figures = measure(vectors, args.k, args.repeats, args.slow_repeats)
    for name, row in figures.items():
        print(f"{name:36}", "  ".join(f"{key} {value}" for key, value in row.items()))
    path = write(
        "kmeans",
        {"n": len(vectors), "d": vectors.shape[1], "k": args.k, "data": args.data.name, "implementations": figures},
    )
    print("written to", path)


if __name__ == "__main__":
    main()

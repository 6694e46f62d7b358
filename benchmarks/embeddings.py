"""Embeddings for the benchmarks: of real texts by the default encoder, kept in a file, or made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tyrogue import ops
from tyrogue.types import Floats


def real(texts: list[str], cache: Path) -> Floats:
    """Gives unit embeddings (n, d) of the texts, from the file when it holds as many."""
    if cache.exists() and len(kept := np.load(cache)["embeddings"]) >= len(texts):
        return ops.unit(kept[: len(texts)])
    from tyrogue.encoders import open_encoder

    encoder = open_encoder()
    parts = [encoder.encode(texts[start : start + 512]) for start in range(0, len(texts), 512)]
    np.savez(cache, embeddings=np.concatenate(parts))
    return ops.unit(np.concatenate(parts))


def texts_of(folder: Path, n: int) -> list[str]:
    """Gives the first n train texts of a dataset folder (train.parquet)."""
    import pyarrow.parquet as pq

    return [str(text) for text in pq.read_table(folder / "train.parquet", columns=["text"])["text"].to_pylist()[:n]]


def made_up(n: int, width: int, *, topics: int = 200, seed: int = 0) -> Floats:
    """Gives unit vectors (n, width) around random topics of unequal size, about as clustered as sentences."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(topics, width)).astype(np.float32)
    share = rng.dirichlet(np.full(topics, 0.5))
    vectors = np.empty((n, width), np.float32)
    for start in range(0, n, 8192):
        size = min(8192, n - start)
        topic = rng.choice(topics, size, p=share)
        vectors[start : start + size] = centers[topic] + rng.standard_normal((size, width), np.float32)
    return ops.unit(vectors)

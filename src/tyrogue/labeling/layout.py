"""Lays vectors out in the plane, in a process of its own at the lowest priority, so that nobody waits for it.

python -m tyrogue.labeling.layout VECTORS.npy PLACES.npy N [STANDING.npy]

The first N vectors are laid out by t-SNE; with STANDING they stand there already. The others are put beside them.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from tyrogue.types import Floats

PERPLEXITY = 30.0
NEW_PERPLEXITY = 5.0
"""Of a text that is put beside others: few neighbours, so that it lands among its own kind (Poličar et al., 2024)."""
COMPONENTS = 50
"""Principal components that neighbours are looked for in: faster, and less noisy than all."""
MANY = 2000
"""From so many points on forces are interpolated on a grid instead of summed over a tree."""


def principal(vectors: Floats, n: int, *, of: Floats | None = None) -> Floats:
    """Gives the first n principal components (m, n) of vectors (m, d), the sign of each made definite.

    Args:
        of: vectors (k, d) whose principal axes are taken; the same ones when None.
    """
    known = np.asarray(vectors if of is None else of, np.float64)
    middle = known.mean(axis=0)
    _, axes = np.linalg.eigh((known - middle).T @ (known - middle))
    axes = axes[:, ::-1][:, :n]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    found = np.zeros((len(vectors), n), np.float32)
    found[:, : axes.shape[1]] = (vectors - middle) @ axes
    return found


def tsne(vectors: Floats, n: int | None = None, *, seed: int = 0) -> Floats:
    """Gives places (m, 2) by t-SNE (van der Maaten and Hinton, 2008; Poličar et al., 2024), begun from PCA.

    Args:
        n: so many of the vectors are laid out, the others put beside them.
    """
    from openTSNE import TSNE

    reduced, n = _reduced(vectors, n), len(vectors) if n is None else n
    method = TSNE(
        perplexity=min(PERPLEXITY, (n - 1) / 3), initialization="pca", neighbors="exact", n_jobs=1, random_state=seed,
        negative_gradient_method=_forces(n),
    )  # fmt: skip
    return _with_others(method.fit(reduced[:n]), reduced[n:])


def beside(vectors: Floats, standing: Floats, *, seed: int = 0) -> Floats:
    """Gives places (m, 2): of the first vectors those where they stand (n, 2), of the others where these draw them.

    The embedding is made again from places and vectors, which is all that is kept of it; a fitted object could only be
    pickled.
    """
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN

    n = len(standing)
    reduced, middle = _reduced(vectors, n), (standing.max(axis=0) + standing.min(axis=0)) / 2
    perplexity = min(NEW_PERPLEXITY, (n - 1) / 3)
    near = PerplexityBasedNN(reduced[:n], perplexity=perplexity, method="exact", n_jobs=1, random_state=seed)
    embedding = TSNEEmbedding(standing - middle, near, negative_gradient_method=_forces(n), n_jobs=1, random_state=seed)
    return np.asarray(_with_others(embedding, reduced[n:]) + middle, np.float32)


def _reduced(vectors: Floats, n: int | None) -> Floats:
    known = vectors[:n]
    return principal(vectors, min(COMPONENTS, *known.shape), of=known)


def _with_others(embedding: Any, others: Floats) -> Floats:
    """Gives the places of an embedding, and after them those of others; transforming moves its middle to 0."""
    if not len(others):
        return np.asarray(embedding, np.float32)
    perplexity = min(NEW_PERPLEXITY, (len(embedding) - 1) / 3)
    moved = np.asarray(embedding.transform(others, perplexity=perplexity), np.float32)
    return np.concatenate([np.asarray(embedding, np.float32), moved])


def _forces(n: int) -> str:
    return "fft" if n > MANY else "bh"


def main(source: str, target: str, n: str, standing: str | None = None) -> None:
    threading.Thread(target=_outlive_nobody, args=(os.getppid(),), daemon=True).start()
    os.nice(19)
    vectors = np.load(source, allow_pickle=False).astype(np.float32)
    if standing is None:
        places = tsne(vectors, int(n))
    else:
        places = beside(vectors, np.load(standing, allow_pickle=False).astype(np.float32))
    partial = Path(target).with_suffix(".partial.npy")
    np.save(partial, places, allow_pickle=False)
    partial.replace(target)


def _outlive_nobody(parent: int) -> None:
    """Ends the process when the trainer is gone: the next one begins anew."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])

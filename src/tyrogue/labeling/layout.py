"""Lays vectors out in the plane, in a process of its own at the lowest priority, so that nobody waits for it.

python -m tyrogue.labeling.layout VECTORS.npy PLACES.npy
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np

from tyrogue.types import Floats

PERPLEXITY = 30.0
COMPONENTS = 50
"""Principal components that neighbours are looked for in: faster, and less noisy than all."""


def principal(vectors: Floats, n: int) -> Floats:
    """Gives the first n principal components (m, n) of vectors (m, d), the sign of each made definite."""
    centered = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centered.T @ centered)
    axes = axes[:, ::-1][:, :n]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    found = np.zeros((len(vectors), n), np.float32)
    found[:, : axes.shape[1]] = centered @ axes
    return found


def tsne(vectors: Floats, *, seed: int = 0) -> Floats:
    """Gives places (m, 2) by t-SNE (van der Maaten and Hinton, 2008; Poličar et al., 2024), begun from PCA."""
    from openTSNE import TSNE

    reduced = principal(vectors, min(COMPONENTS, *vectors.shape))
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    method = TSNE(
        perplexity=perplexity, initialization="pca", neighbors="exact", n_jobs=1, random_state=seed,
        negative_gradient_method="fft" if len(vectors) > 2000 else "bh",
    )  # fmt: skip
    return np.asarray(method.fit(reduced), np.float32)


def main(source: Path, target: Path) -> None:
    threading.Thread(target=_outlive_nobody, args=(os.getppid(),), daemon=True).start()
    os.nice(19)
    vectors = np.load(source, allow_pickle=False).astype(np.float32)
    partial = target.with_suffix(".partial.npy")
    np.save(partial, tsne(vectors), allow_pickle=False)
    partial.replace(target)


def _outlive_nobody(parent: int) -> None:
    """Ends the process when the trainer is gone: the next one begins anew."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

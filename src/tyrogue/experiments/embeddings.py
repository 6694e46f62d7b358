"""Frozen embeddings of a whole task, computed once, kept on disk and shared by all processes as one array."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tyrogue import encoders
from tyrogue.errors import UsageError
from tyrogue.experiments.data import Task
from tyrogue.pool import Inputs
from tyrogue.protocols import Encoder
from tyrogue.types import Floats, Text

CHUNK = 2048


class Precomputed:
    """An embedder that looks its rows up.

    Args:
        vectors: (n, d), float16 or float32, by row; may be a memory map.
    """

    def __init__(self, vectors: NDArray[np.floating]) -> None:
        self.vectors = vectors

    def embed(self, inputs: Inputs) -> Floats:
        """Gives (n, d) float32."""
        if inputs.rows is None:
            raise UsageError("Precomputed embeddings are known by row, and these inputs come without rows.")
        return np.asarray(self.vectors[inputs.rows], np.float32)


def encoder_of(name: str) -> Encoder:
    """Gives the encoder of this name."""
    return encoders.open_encoder(name)


def embed_task(
    task: Task, digest: str, encoder: Encoder, cache: Path, progress: Callable[[int, int], None] = lambda *_: None
) -> Path:
    """Gives the .npy file (float16) of a task's embeddings, in its numbering; computes it when it is not there.

    The file appears whole: a call that is killed leaves nothing that a later one could take for it.
    """
    path = cache / f"{task.name}-{digest}-{encoder.fingerprint[:16]}.npy"
    if path.exists():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        _write(part, task.texts(), encoder, progress)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _write(path: Path, texts: list[Text], encoder: Encoder, progress: Callable[[int, int], None]) -> None:
    first = encoder.encode(texts[:CHUNK])  # tells the dimension, which is another for pairs
    vectors = np.lib.format.open_memmap(path, "w+", np.float16, (len(texts), first.shape[1]))
    vectors[:CHUNK] = first
    for start in range(CHUNK, len(texts), CHUNK):
        progress(start, len(texts))
        vectors[start : start + CHUNK] = encoder.encode(texts[start : start + CHUNK])
    vectors.flush()


def default_cache() -> Path:
    """Gives the folder for embeddings when none is named: `tyrogue/experiments` in the user's cache folder."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "tyrogue" / "experiments"

"""Frozen embeddings of a whole task, computed once, kept on disk and shared by all processes as one array."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tyrogue import encoders
from tyrogue.errors import UsageError
from tyrogue.experiments.data import Task
from tyrogue.pool import Inputs
from tyrogue.protocols import Encoder
from tyrogue.types import Floats, Rows, Text

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

    A second process waits for the first. A call that is killed goes on where it was, and never leaves a file
    that could be taken for a whole one.
    """
    path = cache / f"{task.name}-{digest}-{encoder.fingerprint[:16]}.npy"
    if path.exists():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not path.exists():
            dimension = _append(file, task.texts(), encoder, progress)
            _finish(part, path, dimension)
        part.unlink(missing_ok=True)
    return path


def reordered(whole: Path, digest: str, rows: Rows) -> Path:
    """Gives the file of a task made of another one's texts: these rows of `whole`, its embeddings."""
    name, _, encoder = whole.stem.rsplit("-", 2)
    path = whole.with_name(f"{name}-{digest}-{encoder}.npy")
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}")
        with part.open("wb") as file:
            np.save(file, np.load(whole, mmap_mode="r")[rows])
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    return path


def _append(file: IO[bytes], texts: list[Text], encoder: Encoder, progress: Callable[[int, int], None]) -> int:
    """Writes float16 vectors of all texts, chunk by chunk after the whole chunks that are there; gives their length."""
    dimension = encoder.encode(texts[:1]).shape[1]  # another for pairs
    done = file.tell() // (2 * dimension) // CHUNK * CHUNK
    file.truncate(2 * dimension * done)
    for start in range(done, len(texts), CHUNK):
        progress(start, len(texts))
        file.write(encoder.encode(texts[start : start + CHUNK]).astype(np.float16).tobytes())
        file.flush()
    return int(dimension)


def _finish(part: Path, path: Path, dimension: int) -> None:
    whole = path.with_suffix(".whole")
    with whole.open("wb") as file:
        np.save(file, np.memmap(part, np.float16, "r").reshape(-1, dimension))
        file.flush()
        os.fsync(file.fileno())
    whole.replace(path)


def default_cache() -> Path:
    """Gives the folder for embeddings when none is named: `tyrogue/experiments` in the user's cache folder."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "tyrogue" / "experiments"

"""Embeddings by row, each computed once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tyrogue.encoders.vectors import VectorFile, VectorMemory
from tyrogue.errors import UsageError
from tyrogue.pool import Inputs
from tyrogue.types import Floats, Rows, Text

Progress = Callable[[int, int], None]
Bools = NDArray[np.bool_]

_CHUNK = 1024
"""Rows between two writes: texts of like length share a batch only within a chunk, and a crash costs one chunk."""


class FrozenEncoder(Protocol):
    """What the cache needs of an encoder."""

    @property
    def fingerprint(self) -> str: ...
    def encode(self, texts: Sequence[Text]) -> Floats: ...


class CachedEncoder:
    """An encoder that computes the embedding of a row only once.

    Texts from outside the pool (`rows` is None) are encoded directly. What belongs to a row went through
    float16, at the first call too, so that every call gives the same numbers. Safe to use from several threads,
    and the folder from several processes.

    Args:
        encoder: the frozen encoder.
        folder: where embeddings are kept, one subfolder an encoder fingerprint; None keeps them in memory.
        n_rows: size of the corpus now, a hint for laying out memory; higher rows are fine.
        pairs: whether the corpus holds pairs; found out from the files, or from the first text, when None.
        progress: called with (rows encoded, rows to encode) of the running call.
    """

    def __init__(
        self,
        encoder: FrozenEncoder,
        folder: Path | None,
        n_rows: int | None = None,
        *,
        pairs: bool | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.encoder, self.folder, self.pairs, self.progress = encoder, folder, pairs, progress
        self._capacity = n_rows or 0
        self._lock = threading.Lock()
        self._vectors: VectorFile | VectorMemory | None = None

    def embed(self, inputs: Inputs) -> Floats:
        """Gives (n, d) float32; encodes and keeps what is missing."""
        rows = inputs.rows
        if rows is None:
            return self.encoder.encode(inputs.texts)
        if not len(rows):
            return self.encoder.encode([])
        store = self._store(inputs)
        vectors, known = store.read(rows)
        if not known.all():
            self._fill(store, inputs, _first_of_each(rows, ~known))
            vectors = store.read(rows)[0]
        return np.asarray(vectors, np.float32)

    def embed_within(self, inputs: Inputs, seconds: float) -> Bools:
        """Embeds what it can of `inputs`, in their order, in about `seconds`; gives which are filled then, (n,).

        Some are embedded however short the time. Raises UsageError without rows.
        """
        rows = _rows_of(inputs)
        if not len(rows):
            return np.zeros(0, bool)
        store, end = self._store(inputs), time.perf_counter() + seconds
        missing, size = _first_of_each(rows, ~store.read(rows)[1]), 32
        while len(missing):
            start = time.perf_counter()
            self._fill(store, inputs, missing[:size])
            missing, now = missing[size:], time.perf_counter()
            # Pieces of half a second at most, the last one cut to what is left.
            size = int(size / (now - start) * min(0.5, end - now))
            if size < 1:
                break
        return store.read(rows)[1]

    def filled(self, rows: Rows) -> Bools:
        """Gives which rows have an embedding (n,)."""
        store = self._existing()
        return np.zeros(len(rows), bool) if store is None else store.read(rows)[1]

    @property
    def place(self) -> Path | None:
        """The folder in which the vectors are; None while there are none, or in memory."""
        store = self._existing()
        return store.folder if isinstance(store, VectorFile) else None

    def _fill(self, store: VectorFile | VectorMemory, inputs: Inputs, positions: NDArray[np.int64]) -> None:
        rows = _rows_of(inputs)
        for start in range(0, len(positions), _CHUNK):
            part = positions[start : start + _CHUNK]
            store.write(rows[part], self.encoder.encode(inputs.take(part).texts))
            if self.progress is not None:
                self.progress(start + len(part), len(positions))

    def _store(self, inputs: Inputs) -> VectorFile | VectorMemory:
        store = self._existing()
        return self._create(inputs[0]) if store is None else store

    def _existing(self) -> VectorFile | VectorMemory | None:
        if self._vectors is None and self.folder is not None:
            # A corpus holds single texts or pairs; whoever does not know which finds one of the two.
            found = (VectorFile.open(folder) for folder in self._folders(self.folder))
            self._vectors = next((store for store in found if store is not None), None)
        return self._vectors

    def _create(self, text: Text) -> VectorFile | VectorMemory:
        if self.pairs is None:
            self.pairs = isinstance(text, tuple)
        dimension = self.encoder.encode([text]).shape[1]
        with self._lock:
            if self._vectors is None and self.folder is None:
                self._vectors = VectorMemory(dimension, self._capacity)
            elif self._vectors is None and self.folder is not None:
                self._vectors = VectorFile.create(self._folders(self.folder)[0], dimension)
            assert self._vectors is not None
            return self._vectors

    def _folders(self, folder: Path) -> list[Path]:
        names = {False: self.encoder.fingerprint, True: f"{self.encoder.fingerprint}-pairs"}
        return [folder / name for kind, name in names.items() if self.pairs in (None, kind)]


def _rows_of(inputs: Inputs) -> Rows:
    if inputs.rows is None:
        raise UsageError("Only rows of the pool can be embedded ahead: there is nowhere to keep other texts.")
    return inputs.rows


def _first_of_each(rows: Rows, wanted: Bools) -> NDArray[np.int64]:
    # Positions of the wanted rows, a repeated row once, in their order.
    positions = np.flatnonzero(wanted)
    return np.asarray(positions[np.sort(np.unique(rows[positions], return_index=True)[1])], np.int64)

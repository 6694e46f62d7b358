"""Vectors by row, on disk or in memory, as float16.

A folder on disk holds

    meta.json     layout and dimension
    vectors.f16   row r from byte 2 * dimension * r on; holes where nothing was written
    marks.u32     row r at byte 4 * r: 0 while it is empty, else a checksum of its vector

A row is filled when its mark fits its vector. So there is no moment at which a crash, a full disk or a second
process could leave something half-written that is taken for a vector: a torn row is empty, and is written again.
Files only grow, and a row is found at its place: O(1).
"""

from __future__ import annotations

import json
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tyrogue.errors import ProjectError
from tyrogue.types import Floats, Rows

Bools = NDArray[np.bool_]
Halves = NDArray[np.float16]
Marks = NDArray[np.uint32]

LAYOUT = 1
MOST_MAPPED = 128 << 20
"""Bytes of a file that may stay mapped in memory between two reads."""
_READ = 2048
"""Rows of a larger file that are read before its pages are let go."""
_LARGEST = float(np.finfo(np.float16).max)


def halves(vectors: Floats) -> Halves:
    """Gives float16, clipped to its range."""
    return np.clip(vectors, -_LARGEST, _LARGEST).astype("<f2")


def checksums(vectors: Halves) -> Marks:
    """Gives a checksum (n,) of vectors (n, d), never 0: their bits times odd constants, summed modulo 2**32."""
    bits = np.ascontiguousarray(vectors).view(np.uint16).astype(np.uint32)
    factors = np.arange(1, bits.shape[1] + 1, dtype=np.uint32) * np.uint32(2_654_435_769) | np.uint32(1)
    sums = bits @ factors + np.uint32(0x9E37_79B9)
    return np.asarray(np.where(sums == 0, np.uint32(1), sums), np.uint32)


class VectorMemory:
    """Vectors of this process.

    Args:
        dimension: d.
        capacity: rows to make room for at once.
    """

    def __init__(self, dimension: int, capacity: int = 0) -> None:
        self._vectors = np.zeros((capacity, dimension), np.float16)
        self._known = np.zeros(capacity, bool)
        self._lock = threading.Lock()

    def read(self, rows: Rows) -> tuple[Halves, Bools]:
        """Gives vectors (n, d) and whether they are filled (n,); an empty one is 0."""
        with self._lock:
            inside = rows < len(self._known)
            place = np.where(inside, rows, 0)
            if not len(self._known):
                return np.zeros((len(rows), self._vectors.shape[1]), np.float16), inside
            return self._vectors[place], inside & self._known[place]

    def write(self, rows: Rows, vectors: Floats) -> None:
        """Keeps vectors (n, d) of these rows."""
        with self._lock:
            more = int(rows.max()) + 1 - len(self._known)
            if more > 0:
                more = max(more, len(self._known))
                self._vectors = np.concatenate([self._vectors, np.zeros((more, self._vectors.shape[1]), np.float16)])
                self._known = np.concatenate([self._known, np.zeros(more, bool)])
            self._vectors[rows] = halves(vectors)
            self._known[rows] = True


class VectorFile:
    """Vectors in a folder, shared by threads and processes.

    Args:
        folder: exists, with its meta.json.
        dimension: d.
    """

    def __init__(self, folder: Path, dimension: int) -> None:
        self.folder, self.dimension = folder, dimension
        self._vectors = _Column(folder / "vectors.f16", np.dtype("<f2"), dimension)
        self._marks = _Column(folder / "marks.u32", np.dtype("<u4"), 1)

    @classmethod
    def open(cls, folder: Path) -> VectorFile | None:
        """Gives the vectors in `folder`; None when there are none that can be read."""
        try:
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
            return cls(folder, int(meta["dimension"])) if meta["layout"] == LAYOUT else None
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return None

    @classmethod
    def create(cls, folder: Path, dimension: int) -> VectorFile:
        """Makes the folder, or takes over what another process made meanwhile; ProjectError on a full disk."""
        with clear_disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            temporary = folder / f"meta.json.{os.getpid()}"
            temporary.write_text(json.dumps({"layout": LAYOUT, "dimension": dimension}), encoding="utf-8")
            temporary.replace(folder / "meta.json")
        return cls(folder, dimension)

    def read(self, rows: Rows) -> tuple[Halves, Bools]:
        """Gives vectors (n, d) and whether they are filled (n,); of an empty row anything."""
        vectors = self._vectors.read(rows)
        marks = self._marks.read(rows)[:, 0]
        return vectors, (marks != 0) & (marks == checksums(vectors))

    def write(self, rows: Rows, vectors: Floats) -> None:
        """Keeps vectors (n, d) of these rows; ProjectError on a full disk."""
        small = halves(vectors)
        with clear_disk_errors(self.folder):
            self._vectors.write(rows, small)
            self._marks.write(rows, checksums(small)[:, None])


class _Column:
    """Fixed-size records in a file: written with plain writes, read through a memory map.

    Not written through the map: on a full disk that would kill the process instead of raising.
    """

    def __init__(self, path: Path, dtype: np.dtype[Any], width: int) -> None:
        self.path, self.dtype, self.width = path, dtype, width
        self.size = dtype.itemsize * width
        self._lock = threading.Lock()
        self._map: NDArray[Any] | None = None

    def read(self, rows: Rows) -> NDArray[Any]:
        records = self._mapped(int(rows.max(initial=-1)) + 1)
        inside, out = rows < len(records), np.zeros((len(rows), self.width), self.dtype)
        large = records.nbytes > MOST_MAPPED
        size = _READ if large else max(len(rows), 1)
        for start in range(0, len(rows), size):
            some = slice(start, start + size)
            out[some][inside[some]] = records[rows[some][inside[some]]]
            if large:
                self._let_go(records)
        return out

    def write(self, rows: Rows, records: NDArray[Any]) -> None:
        # "r+b" does not create, "wb" and "ab" do not write in the middle.
        with os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)), "r+b") as file:
            for run in _runs(rows):
                file.seek(int(rows[run.start]) * self.size)
                file.write(np.ascontiguousarray(records[run]).tobytes())

    def _mapped(self, needed: int) -> NDArray[Any]:
        with self._lock:
            if self._map is None or len(self._map) < needed:
                # Whole records only: a torn last one counts as never written.
                count = self.path.stat().st_size // self.size if self.path.exists() else 0
                shape = (count, self.width)
                self._map = np.memmap(self.path, self.dtype, "r", shape=shape) if count else np.empty(shape, self.dtype)
            return self._map

    @staticmethod
    def _let_go(records: NDArray[Any]) -> None:
        # A row that is read brings 64 KB around it into the process: 10,000 of them, most of a large file. They stay
        # in the system's cache, which costs nobody memory.
        if isinstance(records.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            records.base.madvise(mmap.MADV_DONTNEED)


def _runs(rows: Rows) -> Iterator[slice]:
    # Neighbouring rows are written at once.
    starts = np.flatnonzero(np.diff(rows, prepend=rows[:1] - 2) != 1)
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        yield slice(int(start), int(end))


@contextmanager
def clear_disk_errors(folder: Path) -> Iterator[None]:
    """Turns a failed write into a ProjectError that says what to do."""
    try:
        yield
    except OSError as error:
        raise ProjectError(
            f"Embeddings cannot be written to {folder}: {error.strerror or error}. "
            "Free some disk space or check the folder's permissions; nothing that was written is lost."
        ) from error

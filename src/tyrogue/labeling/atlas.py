"""The map as it lies on disk: rows with their places in the plane, a plain array in one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tyrogue.corpus.durable import replacing
from tyrogue.corpus.project import Project
from tyrogue.store import Store
from tyrogue.types import Floats, Rows

Method = Literal["pca", "tsne"]
MOST = 50_000
"""Points of a map."""
SETTING = "map"
"""Setting of the store: version and method of the map on disk. Set after the file is there."""
LAYOUT = np.dtype([("row", "<i8"), ("x", "<f4"), ("y", "<f4"), ("fitted", "?"), ("since", "<i4")])
OPINIONS = np.dtype([("class_id", "<i4"), ("entropy", "<f4")])


@dataclass(frozen=True)
class Atlas:
    """Places of rows.

    Attributes:
        rows: (n,) sorted.
        places: (n, 2) within 0 and 1.
        fitted: (n,) whether the place was computed; the others were put beside their nearest neighbours.
        method: what computed them.
        version: a higher one for every change.
        since: (n,) the version that each place came with. A map that is drawn anew has one for all.
        unit: how much of the layout that was computed makes a side of the map; what is laid out later needs it.
    """

    rows: Rows
    places: Floats
    fitted: NDArray[np.bool_]
    method: Method
    version: int
    since: NDArray[np.int32]
    unit: float

    def save(self, project: Project, store: Store) -> None:
        """Writes the file, and tells those who read it."""
        points = np.empty(len(self.rows), LAYOUT)
        points["row"], points["fitted"], points["since"] = self.rows, self.fitted, self.since
        points["x"], points["y"] = self.places.T
        write(folder(project) / "points.npy", points)
        told = {"version": self.version, "method": self.method, "points": len(self.rows), "unit": self.unit}
        store.set(SETTING, told)

    @classmethod
    def load(cls, project: Project, store: Store) -> Atlas | None:
        """Gives the map on disk; None when there is none that can be read: it is drawn anew then."""
        known: dict[str, Any] = store.get(SETTING) or {}
        points = read(folder(project) / "points.npy", LAYOUT)
        if points is None or not len(points) or not {"version", "method", "unit"} <= known.keys():
            return None
        places = np.stack([points["x"], points["y"]], axis=1)
        rows, fitted, since = points["row"].astype(np.int64), points["fitted"].copy(), points["since"].astype(np.int32)
        # The file's own version: the setting may be that of the file before.
        return cls(rows, places, fitted, known["method"], int(since.max()), since, known["unit"])

    def with_others(self, rows: Rows, places: Floats) -> Atlas:
        """Gives the map with these rows too, put beside those that are there."""
        fresh, version = len(rows), self.version + 1
        rows, places = np.concatenate([self.rows, rows]), np.concatenate([self.places, places])
        fitted = np.concatenate([self.fitted, np.zeros(fresh, bool)])
        since = np.concatenate([self.since, np.full(fresh, version, np.int32)])
        order = np.argsort(rows)
        found = (rows[order], places[order], fitted[order], self.method, version, since[order], self.unit)
        return Atlas(*found)


def folder(project: Project) -> Path:
    """Gives the folder of the map, which is made when it is not there."""
    place = project.path / "map"
    place.mkdir(exist_ok=True)
    return place


def write(path: Path, array: NDArray[Any]) -> None:
    """Writes an array so that a reader finds the old file or the new one."""
    with replacing(path) as file:
        np.save(file, array, allow_pickle=False)


def read(path: Path, dtype: np.dtype[Any] | None = None) -> NDArray[Any] | None:
    """Gives the array in a file; None when it is not there, cut, or of another kind."""
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if dtype is None or array.dtype == dtype else None


def drawn(
    rows: Rows, places: Floats, method: Method, *, version: int, fitted: NDArray[np.bool_] | None = None
) -> Atlas:
    """Gives a map of places (n, 2) in any unit, moved and scaled, both axes alike, so that all but a few strays fill 0
    to 1.

    Args:
        fitted: (n,) which of the places were computed; all when None.
    """
    fitted = np.ones(len(rows), bool) if fitted is None else fitted
    low, high = np.percentile(places[fitted], [0.2, 99.8], axis=0)
    unit = max(float((high - low).max()), 1e-9) / 0.96
    order = np.argsort(rows)
    inside = within((places - (low + high) / 2) / unit + 0.5)[order]
    return Atlas(rows[order], inside, fitted[order], method, version, np.full(len(rows), version, np.int32), unit)


def within(places: Floats) -> Floats:
    """Gives places with strays moved to the edge of the map."""
    return np.asarray(np.clip(places, 0, 1), np.float32)

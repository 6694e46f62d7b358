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
LAYOUT = np.dtype([("row", "<i8"), ("x", "<f4"), ("y", "<f4"), ("fitted", "?")])
OPINIONS = np.dtype([("class_id", "<i4"), ("entropy", "<f4")])


@dataclass(frozen=True)
class Atlas:
    """Places of rows.

    Attributes:
        rows: (n,) sorted.
        places: (n, 2) within 0 and 1.
        fitted: (n,) whether the place was computed; the others were put beside their nearest neighbours.
        method: what computed them.
        version: another one for every change.
    """

    rows: Rows
    places: Floats
    fitted: NDArray[np.bool_]
    method: Method
    version: int

    def save(self, project: Project, store: Store) -> None:
        """Writes the file, and tells those who read it."""
        points = np.empty(len(self.rows), LAYOUT)
        points["row"], points["fitted"] = self.rows, self.fitted
        points["x"], points["y"] = self.places.T
        write(folder(project) / "points.npy", points)
        store.set(SETTING, {"version": self.version, "method": self.method, "points": len(self.rows)})

    @classmethod
    def load(cls, project: Project, store: Store) -> Atlas | None:
        """Gives the map on disk; None when there is none that can be read: it is drawn anew then."""
        known: dict[str, Any] = store.get(SETTING) or {}
        points = read(folder(project) / "points.npy", LAYOUT)
        if points is None or not {"version", "method"} <= known.keys():
            return None
        places = np.stack([points["x"], points["y"]], axis=1)
        return cls(points["row"].astype(np.int64), places, points["fitted"].copy(), known["method"], known["version"])


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


def fitting(places: Floats) -> Floats:
    """Gives places (n, 2) moved and scaled, both axes alike, so that all but a few strays fill 0 to 1."""
    low, high = np.percentile(places, [0.2, 99.8], axis=0)
    scale = max(float((high - low).max()), 1e-9)
    centered = (places - (low + high) / 2) / scale * 0.96 + 0.5
    return np.asarray(np.clip(centered, 0, 1), np.float32)

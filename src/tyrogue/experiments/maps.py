"""A picture of a pool in the space of the fully supervised model, as in the paper's Figures 1 and 5."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tyrogue import ops
from tyrogue.errors import MissingExtra
from tyrogue.experiments import results
from tyrogue.experiments.data import Task
from tyrogue.pool import as_rows
from tyrogue.types import Floats, Labels, Rows

BACKGROUND = 4000
"""Rows drawn from the pool, to show its shape."""
PERPLEXITY = 30
_SCALE = 32767


@dataclass(frozen=True)
class Map:
    """Rows with their true classes and their place in the plane."""

    rows: Rows
    """Sorted."""
    labels: Labels
    xy: NDArray[np.float64]
    """(n, 2), within -1 and 1."""
    background: NDArray[np.bool_]
    """Whether a row is one of the uniform sample."""

    def at(self, rows: Rows) -> NDArray[np.float64]:
        """Gives the places (m, 2) of those of the rows that are on the map."""
        known = rows[np.isin(rows, self.rows)]
        return np.asarray(self.xy[np.searchsorted(self.rows, known)])

    def line(self) -> dict[str, Any]:
        """Gives the map as JSON: numbers in base64, places to 1/32767."""
        return {
            "rows": _pack(self.rows, "<i4"),
            "labels": _pack(self.labels, "<i2"),
            "xy": _pack(np.round(self.xy * _SCALE), "<i2"),
            "background": _pack(self.background, "u1"),
        }

    @staticmethod
    def parse(line: dict[str, Any]) -> Map:
        """Reads a map back from its JSON."""
        rows = _unpack(line["rows"], "<i4").astype(np.int64)
        xy = _unpack(line["xy"], "<i2").reshape(-1, 2) / _SCALE
        labels, background = _unpack(line["labels"], "<i2"), _unpack(line["background"], "u1")
        return Map(rows, labels.astype(np.int64), xy, background.astype(bool))


def draw_map(
    task: Task, picked: Rows, features: Callable[[Rows], Floats], *, seed: int, background: int = BACKGROUND
) -> Map:
    """Gives t-SNE places (van der Maaten and Hinton, 2008) of a sample of the pool and of all picked rows.

    Args:
        picked: rows that must be on the map.
        features: gives (n, d) features of rows, of the fully supervised model.
        seed: of the sample and of the layout.
    """
    n = len(task.train)
    sample = np.random.default_rng(seed).choice(n, min(background, n), replace=False)
    rows = np.union1d(picked, sample).astype(np.int64)
    xy = layout(ops.unit(features(rows)), seed)
    return Map(rows, task.train.labels[rows], xy, np.isin(rows, sample))


def layout(vectors: Floats, seed: int) -> NDArray[np.float64]:
    """Gives places (n, 2), centered, within -1 and 1."""
    try:
        from openTSNE import TSNE
    except ImportError as error:
        raise MissingExtra("openTSNE", "experiments", "Drawing a map") from error
    perplexity = min(PERPLEXITY, max(1.0, (len(vectors) - 1) / 3))
    found = TSNE(perplexity=perplexity, initialization="pca", random_state=seed, n_jobs=1).fit(vectors)
    xy = np.asarray(found, np.float64) - np.mean(found, axis=0)
    return np.asarray(xy / max(float(np.abs(xy).max()), 1e-12))


def picked_in(folder: Path, digest: str, seed: int) -> Rows:
    """Gives all rows that the runs of a folder picked, on this dataset and with this seed."""
    rows: set[int] = set()
    for record in results.read_all(folder):
        config = record.config
        if config["kind"] == "curve" and config["dataset"]["digest"] == digest and config["seed"] == seed:
            rows.update(row for round in record.rounds for row in round.rows)
    return as_rows(sorted(rows))


def _pack(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(values.astype(kind).tobytes()).decode()


def _unpack(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), kind)

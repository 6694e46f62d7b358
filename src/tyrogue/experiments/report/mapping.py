"""Figures 1 and 5: what each method picks, on a map of the pool."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from tyrogue.experiments.maps import Map
from tyrogue.experiments.report.figures import WIDTH, below, panels
from tyrogue.experiments.report.study import Arm, Chapter
from tyrogue.experiments.report.style import BLUE, PALETTE, VERMILLION
from tyrogue.experiments.results import Record
from tyrogue.pool import as_rows

ROUNDS_SHOWN = 4
"""The last of these is drawn as "this batch", the others as "asked before"."""


def map_panels(chapter: Chapter, dataset: str) -> Figure | None:
    """Gives the pool by true class, then for each method its first batches: earlier ones and the last."""
    if dataset not in chapter.maps:
        return None
    drawn, seed = Map.parse(chapter.maps[dataset].done["map"]), chapter.maps[dataset].config["seed"]  # type: ignore[index]
    picks = [(arm, record) for arm in chapter.arms if (record := _of_seed(chapter, dataset, arm, seed))]
    low, high = drawn.xy.min(0) - 0.03, drawn.xy.max(0) + 0.03
    width, height = high - low
    figure, axes = panels(1 + len(picks), columns=4, height=float(0.3 + WIDTH / 4 * height / width))
    _truth(axes[0], drawn)
    for axis, (arm, record) in zip(axes[1:], picks, strict=True):
        _picks(axis, drawn, arm, record)
    for axis in axes:
        axis.set_xlim(low[0], high[0])
        axis.set_ylim(low[1], high[1])
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_aspect("equal")
        axis.spines[["left", "bottom"]].set_visible(False)
    below(figure, [_dot(BLUE, "asked before"), _dot(VERMILLION, "this batch"), _dot("#d0d0d0", "pool")])
    return figure


def _of_seed(chapter: Chapter, dataset: str, arm: Arm, seed: int) -> Record | None:
    return next((r for r in chapter.records(dataset, arm) if r.config["seed"] == seed), None)


def _truth(axis: Axes, drawn: Map) -> None:
    shown = drawn.background
    for label in sorted(set(drawn.labels[shown].tolist())):
        xy = drawn.xy[shown & (drawn.labels == label)]
        _scatter(axis, xy, 2, color=PALETTE[label % len(PALETTE)], rasterized=True)
    axis.set_title("true classes")


def _picks(axis: Axes, drawn: Map, arm: Arm, record: Record) -> None:
    _scatter(axis, drawn.xy[drawn.background], 2, color="#d8d8d8", rasterized=True)
    shown = record.rounds[:ROUNDS_SHOWN]
    before = as_rows([row for round in shown[:-1] for row in round.rows])
    _scatter(axis, drawn.at(before), 7, color=BLUE)
    _scatter(axis, drawn.at(as_rows(shown[-1].rows)), 9, color=VERMILLION)
    axis.set_title(arm.title)


def _scatter(axis: Axes, xy: NDArray[np.float64], size: float, **how: Any) -> None:
    axis.scatter(xy[:, 0], xy[:, 1], s=size, linewidths=0, **how)


def _dot(color: str, label: str) -> Line2D:
    return Line2D([], [], linestyle="", marker="o", color=color, markersize=4, label=label)

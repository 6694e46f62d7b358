"""The report's figures, with matplotlib. Each function gives a figure, or None when the results have no data for it."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from tyrogue.experiments import compare, metrics
from tyrogue.experiments.report import published
from tyrogue.experiments.report.study import PAPER_ORDER, Arm, Chapter
from tyrogue.experiments.report.style import style_of

WIDTH = 10.0


def panels(n: int, *, columns: int | None = None, height: float = 2.5) -> tuple[Figure, list[Axes]]:
    """Gives a figure with n panels in rows of three (of four, where one would be left over), and room for a legend."""
    columns = min(n, columns or (4 if n % 3 == 1 else 3))
    rows = ceil(n / columns)
    figure = Figure(figsize=(WIDTH, height * rows + 0.5))
    figure.set_layout_engine("constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for extra in list(grid.flat)[n:]:
        extra.set_axis_off()
    return figure, list(grid.flat)[:n]


def line_handles(arms: Sequence[Arm]) -> list[Line2D]:
    """Gives what the legend shows."""
    return [_line(arm) for arm in arms]


def _line(arm: Arm) -> Line2D:
    style = style_of(arm.name, arm.variant)
    return Line2D([], [], color=style.color, linestyle=style.dash, marker=style.marker, markersize=4, label=arm.title)


def below(figure: Figure, handles: Sequence[Any], columns: int = 7) -> None:
    """Puts one legend under all panels."""
    figure.legend(handles=list(handles), loc="outside lower center", ncols=min(columns, len(handles)))


def groups_of(chapter: Chapter) -> dict[str, list[Arm]]:
    """Gives the arms in groups that a reader can tell apart in one figure: the paper's, then its rivals."""
    paper = [arm for arm in chapter.arms if arm.name in PAPER_ORDER]
    rivals = [arm for arm in chapter.arms if arm.name not in PAPER_ORDER]
    if len(chapter.arms) <= 8 or not rivals or not paper:
        return {"": list(chapter.arms)}
    anchors = [arm for arm in paper if arm.name in ("tyrogue", "random") and not arm.variant]
    half = ceil(len(rivals) / ceil(len(rivals) / 7))
    parts = [rivals[i : i + half] for i in range(0, len(rivals), half)]
    named = {f"rivals, part {i + 1}": [*anchors, *part] for i, part in enumerate(parts)}
    return {"the paper's strategies": paper, **named}


def learning_curves(chapter: Chapter, arms: Sequence[Arm]) -> Figure | None:
    """Gives mean macro-F1 over labels with 95% bands over seeds, and the bar of the fully supervised model."""
    if not chapter.runs:
        return None
    figure, axes = panels(len(chapter.datasets), height=2.6)
    for axis, dataset in zip(axes, chapter.datasets, strict=True):
        means = [value for arm in arms for value in _curve(axis, chapter, dataset, arm, "macro_f1")]
        every = {share: chapter.bar(dataset, share) for share in (1.0, 0.95, 0.85)}
        bars = {share: bar for share, bar in every.items() if bar is not None and bar > min(means, default=0)}
        _bars(axis, bars)
        if means:  # the bands of few seeds would dwarf the curves
            low, high = min(means), max([*means, *bars.values()])
            axis.set_ylim(low - 0.1 * (high - low) - 0.002, high + 0.1 * (high - low) + 0.002)
        axis.set_title(dataset)
    _outer_labels(axes, "labels", "macro-F1")
    below(figure, line_handles(arms))
    return figure


def _bars(axis: Axes, bars: dict[float, float]) -> None:
    for share, bar in bars.items():
        axis.axhline(bar, color="#777777", linewidth=0.8, linestyle=(0, (1, 2)))
        text, place = ("all of train", "bottom") if share == 1 else (f"{100 * share:.0f}%", "top")
        axis.annotate(text, (1, bar), xycoords=("axes fraction", "data"), ha="right", va=place, fontsize=7)


def _curve(axis: Axes, chapter: Chapter, dataset: str, arm: Arm, score: str, band: bool = True) -> list[float]:
    """Draws a mean curve; gives its points."""
    labels, values = chapter.over_rounds(dataset, arm, score)
    if not labels or not np.isfinite(values).any():
        return []
    style = style_of(arm.name, arm.variant)
    mean = values.mean(0)
    first = arm.name == "tyrogue" and not arm.variant
    axis.plot(
        labels, mean, color=style.color, linestyle=style.dash, linewidth=2.2 if first else 1.3,
        marker=style.marker, markersize=3.2, markeredgewidth=0.6, zorder=3 if first else 2,
    )  # fmt: skip
    if band and len(values) > 2:  # of two seeds the interval is 13 standard errors wide
        half = np.array([metrics.mean_interval(column).half for column in values.T])
        axis.fill_between(labels, mean - half, mean + half, color=style.color, alpha=0.12, linewidth=0)
    return [float(value) for value in mean]


def _outer_labels(axes: Sequence[Axes], x: str, y: str) -> None:
    columns = axes[0].get_subplotspec().get_gridspec().ncols  # type: ignore[union-attr]
    for i, axis in enumerate(axes):
        if i % columns == 0:
            axis.set_ylabel(y)
        if i >= len(axes) - columns:
            axis.set_xlabel(x)


def cost_bars(chapter: Chapter, share: float, arms: Sequence[Arm]) -> Figure | None:
    """Figure 3: labeling cost in the paper's definition, own bars beside the published values."""
    if not any(chapter.full.values()):
        return None
    figure, axes = panels(len(chapter.datasets), height=2.2)
    percent = round(100 * share)
    for axis, dataset in zip(axes, chapter.datasets, strict=True):
        for i, arm in enumerate(arms):
            own = chapter.published_costs(dataset, arm, share)
            _bar(axis, i, arm, metrics.published_interval(own) if own else None, bool(own))
            if not arm.variant:
                _published_mark(axis, i, published.labeling_costs().get((arm.name, percent, dataset)))
        axis.set_title(dataset)
        axis.set_xticks([])
        axis.set_xlim(-0.6, len(arms) - 0.4)
        axis.grid(axis="x", visible=False)
        axis.set_ylim(bottom=0)
        if not (axis.patches or axis.lines):
            axis.set_yticks([])  # no cost, no scale
    _outer_labels(axes, "", f"labeling cost to {percent}%")
    below(figure, _bar_handles(arms))
    return figure


def _bar(axis: Axes, i: int, arm: Arm, own: metrics.Interval | None, ran: bool) -> None:
    if own is None:
        if ran:
            axis.annotate("not\nreached", (i, 0), ha="center", va="bottom", fontsize=6, rotation=90, color="#555555")
        return
    half = None if np.isnan(own.half) else own.half
    if own.mean == 0:
        axis.annotate("0", (i, 0), ha="center", va="bottom", fontsize=7)
    axis.bar(
        i,
        own.mean,
        0.72,
        **style_of(arm.name, arm.variant).bar,
        yerr=half,
        error_kw={"linewidth": 0.8, "capsize": 2},
    )


def _published_mark(axis: Axes, i: int, value: metrics.Interval | None) -> None:
    if value is not None:
        axis.errorbar(
            i + 0.22, value.mean, value.half, fmt="D", color="white", markeredgecolor="black", ecolor="black",
            markersize=4, linewidth=0.8, capsize=2, zorder=5,
        )  # fmt: skip


def _bar_handles(arms: Sequence[Arm]) -> list[Any]:
    mark = Line2D(
        [], [], linestyle="", marker="D", color="white", markeredgecolor="black", markersize=4, label="published"
    )
    return [*(Patch(**style_of(arm.name, arm.variant).bar, label=arm.title) for arm in arms), mark]


def latency(chapter: Chapter, arms: Sequence[Arm]) -> Figure | None:
    """Figure 4: mean seconds to choose a batch, log scale, own and published."""
    if not any(chapter.seconds(d, arm) for d in chapter.datasets for arm in arms):
        return None
    figure, axes = panels(len(chapter.datasets), height=2.2)
    for axis, dataset in zip(axes, chapter.datasets, strict=True):
        for i, arm in enumerate(arms):
            own = chapter.seconds(dataset, arm)
            if own:
                style = style_of(arm.name, arm.variant)
                mean, half = metrics.mean_interval(own)
                mean = max(mean, 1e-6)  # a log axis has no 0, and files hold microseconds
                low = min(0.0 if np.isnan(half) else half, 0.9 * mean)
                axis.errorbar(
                    i, mean, [[low], [0 if np.isnan(half) else half]], fmt=style.marker, color=style.color, capsize=2
                )
            theirs = published.acquisition_seconds().get((arm.name, dataset))
            if theirs and theirs.mean > 0 and not arm.variant:
                _published_mark(axis, i, metrics.Interval(theirs.mean, 0))
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        axis.set_xticks([])
        axis.set_xlim(-0.7, len(arms) - 0.3)
        axis.grid(axis="x", visible=False)
        axis.set_title(dataset)
    _outer_labels(axes, "", "seconds a batch")
    below(figure, [*line_handles(arms), _bar_handles([])[0]])
    return figure


def ratio_curve(chapter: Chapter, arms: dict[float, list[Arm]]) -> Figure | None:
    """Figure 6: labels to 85% and area under the curve over r, with Entropy and FTbertKM as its two ends."""
    if not arms:
        return None
    datasets = [d for d in chapter.datasets if any(chapter.records(d, a) for group in arms.values() for a in group)]
    figure, axes = panels(2 * len(datasets), columns=2, height=2.6)
    for i, dataset in enumerate(datasets):
        for axis, kind in ((axes[2 * i], "area"), (axes[2 * i + 1], "cost")):
            values = {r: _numbers(chapter, dataset, group[0], kind) for r, group in arms.items()}
            _along_r(axis, values)
            for arm in chapter.arms:
                level = _numbers(chapter, dataset, arm, kind) if arm.name in ("entropy", "ftbertkm", "random") else []
                if level:
                    style = style_of(arm.name, arm.variant)
                    axis.axhline(float(np.mean(level)), color=style.color, linestyle=style.dash, linewidth=1.2)
            axis.set_title(f"{dataset}: {'area under the curve' if kind == 'area' else 'labels to 85%'}")
            axis.set_xlabel("r")
    shown = [a for a in chapter.arms if a.name in ("entropy", "ftbertkm", "random")]
    below(figure, [*line_handles(shown), _line(Arm("tyrogue", "tyrogue"))])
    return figure


def _along_r(axis: Axes, values: dict[float, list[float]]) -> None:
    values = {r: numbers for r, numbers in values.items() if numbers}
    if not values:
        axis.set_yticks([])
        return
    intervals = [metrics.mean_interval(numbers) for numbers in values.values()]
    half = [0 if np.isnan(i.half) else i.half for i in intervals]
    style = style_of("tyrogue")
    axis.errorbar(
        list(values), [i.mean for i in intervals], half, color=style.color, marker="o", markersize=4, capsize=2
    )
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator(list(values)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _numbers(chapter: Chapter, dataset: str, arm: Arm, kind: str) -> list[float]:
    if kind == "area":
        return [metrics.area(*record.curve()) for record in chapter.records(dataset, arm)]
    costs = chapter.costs(dataset, arm, 0.85)
    return [] if all(cost.censored for cost in costs) else [cost.labels for cost in costs]


def redundancy(chapter: Chapter, name: str, title: str, arms: Sequence[Arm]) -> Figure | None:
    """Gives a redundancy metric over rounds."""
    have = any(np.isfinite(chapter.over_rounds(d, a, name)[1]).any() for d in chapter.datasets for a in arms)
    if not have:
        return None
    figure, axes = panels(len(chapter.datasets), height=2.1)
    for axis, dataset in zip(axes, chapter.datasets, strict=True):
        for arm in arms:
            _curve(axis, chapter, dataset, arm, name, band=False)
        axis.set_title(dataset)
    _outer_labels(axes, "labels", title)
    below(figure, line_handles(arms))
    return figure


def wins(chapter: Chapter) -> Figure | None:
    """Gives the win matrix: how often the row's area beats the column's on the same dataset and seed."""
    names = [arm.title for arm in chapter.arms]
    if len(names) < 2:
        return None
    scores = chapter.areas()
    ranks = compare.mean_ranks(scores)
    names.sort(key=lambda name: (np.nan_to_num(ranks[name], nan=99), name))
    matrix = compare.win_matrix(scores, names)
    side = min(WIDTH, 2.2 + 0.4 * len(names))
    figure = Figure(figsize=(side, side * 0.92))
    figure.set_layout_engine("constrained")
    axis = figure.subplots()
    image = axis.imshow(100 * matrix, cmap="cividis", vmin=0, vmax=100)
    for i, j in np.ndindex(matrix.shape):
        if np.isfinite(matrix[i, j]):
            color = "white" if matrix[i, j] < 0.45 else "black"
            axis.text(j, i, f"{100 * matrix[i, j]:.0f}", ha="center", va="center", color=color, fontsize=7)
    axis.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(names)), names)
    axis.grid(visible=False)
    axis.set_title("% won by the row")
    figure.colorbar(image, ax=axis, shrink=0.7)
    return figure

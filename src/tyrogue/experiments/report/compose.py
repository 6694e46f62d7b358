"""Puts tables and figures into one page, and the figures beside it as PNG."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from tyrogue.experiments.redundancy import METRICS
from tyrogue.experiments.report import contents, figures, mapping, page, recipes, sweeps, warnings, wasted
from tyrogue.experiments.report.study import SHARES, Chapter

LEAD = (
    "Every number comes from result files written by tyrogue bench. Diamonds and italic rows are the values that the "
    "paper published; they were measured with bert-base-cased, on the paper's splits and machines."
)

Shown = tuple[str, str, Figure]
"""Name, caption, figure."""


def write(chapters: Sequence[Chapter], out: Path, *, pngs: bool, runs: recipes.Runs | None = None) -> list[Path]:
    """Writes the page and the PNGs; gives their paths, the page first.

    Args:
        runs: those that compare ways of training, see `recipes.split`.
    """
    anchors = {f"part-{i}": chapter.title for i, chapter in enumerate(chapters)}
    links = ({"recipes": recipes.TITLE} if runs else {}) | anchors
    body, written = [page.links(links)], list[Path]()
    if runs:
        body.append(page.heading(recipes.TITLE, 2, "recipes"))
        body.append(page.table(contents.provenance_of([r for records in runs.values() for r in records])))
        body += map(page.table, recipes.tables(runs))
    folder = out.with_name(f"{out.stem}_figures")
    for (anchor, title), chapter in zip(anchors.items(), chapters, strict=True):
        body += [page.heading(title, 2, anchor), page.warnings(warnings.of(chapter))]
        for part in _parts(chapter):
            if isinstance(part, str):
                body.append(part)
                continue
            name, caption, drawn = _slug(part[0]), *part[1:]
            body.append(page.figure(drawn, f"{anchor}-{name}", caption))
            if pngs:
                folder.mkdir(parents=True, exist_ok=True)
                written.append(folder / f"{anchor}-{name}.png")
                drawn.set_layout_engine("none")  # as laid out for the page
                drawn.savefig(written[-1])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page.page("Active learning experiments", LEAD, body), encoding="utf-8")
    return [out, *written]


def _parts(chapter: Chapter) -> Iterator[str | Shown]:
    """Gives the chapter's headings and tables as HTML, and its figures."""
    yield page.table(contents.provenance(chapter))
    yield page.heading("Learning curves")
    yield from _curves(chapter)
    yield from map(page.table, contents.of_curves(chapter))
    if drawn := figures.wins(chapter):
        yield (
            "wins",
            (
                "Win matrix: the share of datasets and seeds on which the row's area under the macro-F1 curve is above "
                "the column's; best mean rank first."
            ),
            drawn,
        )
    yield page.heading("Labeling cost")
    yield from _costs(chapter)
    yield from map(page.table, contents.of_costs(chapter))
    yield page.heading("Time to choose a batch")
    yield from _latency(chapter)
    yield from _sweeps(chapter)
    yield from _redundancy(chapter)
    yield from _maps(chapter)


def _curves(chapter: Chapter) -> Iterator[Shown]:
    for group, arms in figures.groups_of(chapter).items():
        if drawn := figures.learning_curves(chapter, arms):
            caption = "Macro-F1 on the test set; bands, from three seeds on, are 95% t intervals."
            yield f"curves-{_slug(group)}", f"{caption} {group.capitalize()}.".replace(" .", ""), drawn


def _costs(chapter: Chapter) -> Iterator[Shown]:
    for share in SHARES:
        for group, arms in figures.groups_of(chapter).items():
            if drawn := figures.cost_bars(chapter, share, arms):
                caption = f"Labeling cost to {100 * share:.0f}% (the paper's definition), lower is better; Figure 3."
                yield f"cost{100 * share:.0f}-{_slug(group)}", caption, drawn


def _latency(chapter: Chapter) -> Iterator[str | Shown]:
    for group, arms in figures.groups_of(chapter).items():
        if drawn := figures.latency(chapter, arms):
            yield f"latency-{_slug(group)}", "Mean seconds to choose a batch, log scale; Figure 4.", drawn
    if chapter.runs:
        yield page.table(list(contents.every_table(chapter))[-1])


def _sweeps(chapter: Chapter) -> Iterator[str | Shown]:
    made = list(contents.of_sweeps(chapter))
    if made:
        yield page.heading("What the parameters of Tyrogue cost")
        yield from map(page.table, made)
    if drawn := figures.ratio_curve(chapter, sweeps.values_of(chapter, "ratio")):
        yield (
            "ratio",
            (
                "The effect of r, from diversity only (1) to uncertainty only (candidates / batch); labels as "
                "restricted means, left out where no run reached the bar; Figure 6."
            ),
            drawn,
        )


def _redundancy(chapter: Chapter) -> Iterator[str | Shown]:
    names = {name for rs in chapter.runs.values() for r in rs for round in r.rounds for name in round.redundancy}
    shown: list[str | Shown] = []
    for name in [*(known for known in METRICS if known in names), *sorted(names - METRICS.keys())]:
        title = name.replace("_", " ")
        for group, arms in figures.groups_of(chapter).items():
            if drawn := figures.redundancy(chapter, name, title, arms):
                caption = f"Redundancy over rounds: {METRICS.get(name, title)}."
                shown.append((f"redundancy-{name}-{group}", caption, drawn))
    if shown:
        yield page.heading("Redundancy")
        if (made := wasted.redundancy(chapter)) is not None:
            yield page.table(made)
        yield from shown


def _maps(chapter: Chapter) -> Iterator[str | Shown]:
    if chapter.maps:
        yield page.heading("What each method picks")
    for dataset in chapter.maps:
        if drawn := mapping.map_panels(chapter, dataset):
            caption = f"{dataset}: t-SNE of the fully supervised model's features; first batches; Figures 1 and 5."
            yield f"map-{_slug(dataset)}", caption, drawn


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower().replace("'", "")).strip("-")

"""The report's tables, as data; `page` writes them as HTML and `markdown` as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tyrogue.experiments import compare, metrics
from tyrogue.experiments.metrics import PUBLISHED_FAILURE, Cost, Interval
from tyrogue.experiments.report import published
from tyrogue.experiments.report.study import SHARES, Arm, Chapter

NOTHING = "–"
REFERENCE = "tyrogue"


@dataclass(frozen=True)
class Table:
    """Cells of text; the first column names the row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    published_rows: tuple[int, ...] = ()
    """Rows that hold the paper's values, to be set apart."""
    best: tuple[tuple[int, int], ...] = ()
    """Cells to be set in bold."""


def seconds(values: Sequence[float]) -> str:
    """Gives mean and interval with a digit more where they are small."""
    interval = metrics.mean_interval(values)
    return plus_minus(interval, 2 if interval.mean >= 1 else 3) if values else NOTHING


def plus_minus(interval: Interval | None, digits: int = 1) -> str:
    """Gives "180.0 ± 30.4"; no half width for a single run."""
    if interval is None:
        return NOTHING
    mean = f"{interval.mean:.{digits}f}"
    return mean if np.isnan(interval.half) else f"{mean} ± {interval.half:.{digits}f}"


def restricted(costs: Sequence[Cost]) -> str:
    """Gives mean and interval of labeling costs; "≥" and how many when runs did not reach their bar for good."""
    if not costs:
        return NOTHING
    missed = sum(cost.censored for cost in costs)
    if missed == len(costs):
        return f"> {max(cost.labels for cost in costs):.0f}"
    text = plus_minus(metrics.mean_interval([cost.labels for cost in costs]), 0)
    return f"≥ {text} ({missed} of {len(costs)} missed)" if missed else text


def published_definition(costs: Sequence[float]) -> str:
    """Gives a cell as the paper prints it."""
    return plus_minus(metrics.published_interval(costs)) if costs else NOTHING


def labeling_cost(chapter: Chapter, share: float) -> Table:
    """Table 2 in the paper's definition, each strategy above the paper's own value."""
    percent = round(100 * share)
    rows: list[tuple[str, ...]] = []
    theirs: list[int] = []
    budget_note = _budget_note(chapter)
    for arm in chapter.arms:
        rows.append(
            (arm.title, *(published_definition(chapter.published_costs(d, arm, share)) for d in chapter.datasets))
        )
        printed = [published.labeling_costs().get((arm.name, percent, d), None) for d in chapter.datasets]
        if any(printed) and _first_of_its_name(chapter, arm):
            theirs.append(len(rows))
            rows.append((f"{arm.name}, published", *(plus_minus(value) for value in printed)))
    return Table(
        f"Labeling cost to {percent}% of the fully supervised macro-F1, the paper's definition (Table 2)",
        ("Strategy", *chapter.datasets),
        tuple(rows),
        "Labels used minus the first batch, at the first evaluation above the bar; a run that never crosses it counts "
        f"1000; population standard deviation. {budget_note}Published rows: bert-base-cased, the paper's splits.",
        published_rows=tuple(theirs),
    )


def corrected_cost(chapter: Chapter, share: float) -> Table:
    """True labels to the bar, sustained and interpolated."""
    rows = tuple((a.title, *(restricted(chapter.costs(d, a, share)) for d in chapter.datasets)) for a in chapter.arms)
    means = np.array(
        [[_mean_or_inf(chapter.costs(d, a, share)) for d in chapter.datasets] for a in chapter.arms], np.float64
    ).reshape(len(chapter.arms), len(chapter.datasets))
    return Table(
        f"Labels needed for {100 * share:.0f}% of the fully supervised macro-F1, corrected",
        ("Strategy", *chapter.datasets),
        rows,
        "True number of labels, first batch included, at which the curve (straight between evaluations) reaches the "
        "bar and is there at the next evaluation too; restricted mean over seeds, 95% t interval with the "
        "sample standard deviation. ≥: some runs did not and count their budget. >: none did.",
        best=_best(np.where(_complete(chapter), -means, np.nan)),
    )


def papers_bar(chapter: Chapter, share: float) -> Table | None:
    """True labels to a share of the paper's own fully supervised F1, beside the paper's; None for other datasets."""
    theirs = published.full_f1()
    datasets = [dataset for dataset in chapter.datasets if dataset in theirs]
    if not datasets or not chapter.runs:
        return None
    percent = round(100 * share)
    rows: list[tuple[str, ...]] = []
    italic: list[int] = []
    for arm in chapter.arms:
        costs = (
            [metrics.sustained_cost(*r.curve(), share * theirs[dataset]) for r in chapter.records(dataset, arm)]
            for dataset in datasets
        )
        rows.append((arm.title, *map(restricted, costs)))
        printed = [published.labeling_costs().get((arm.name, percent, d)) for d in datasets]
        if any(printed) and _first_of_its_name(chapter, arm):
            italic.append(len(rows))
            all_labels = [None if cost is None else metrics.Interval(cost.mean + 50, cost.half) for cost in printed]
            rows.append((f"{arm.name}, published", *(plus_minus(value) for value in all_labels)))
    return Table(
        f"Labels needed for {percent}% of the paper's fully supervised macro-F1",
        ("Strategy", *(f"{dataset}, {share * theirs[dataset]:.3f}" for dataset in datasets)),
        tuple(rows),
        "The bar is a share of the macro-F1 of bert-base-cased trained on everything, from the authors' notebook. Our "
        "rows: true labels, sustained and interpolated, 95% t interval; ≥: some runs did not reach it for good, >: "
        "none did. Published rows: another model on other splits, the first batch of 50 added, in the paper's "
        "definition.",
        published_rows=tuple(italic),
    )


def full_f1(chapter: Chapter) -> Table:
    """The bars' basis: macro-F1 after training on everything."""
    rows = tuple(
        (
            dataset,
            plus_minus(metrics.mean_interval(chapter.full[dataset]), 4) if chapter.full.get(dataset) else NOTHING,
            str(len(chapter.full.get(dataset, []))),
            f"{published.full_f1()[dataset]:.4f}" if dataset in published.full_f1() else NOTHING,
        )
        for dataset in chapter.datasets
    )
    return Table(
        "Macro-F1 of the fully supervised model",
        ("Dataset", "macro-F1", "seeds", "published (bert-base-cased)"),
        rows,
        f"Trained with {'; '.join(chapter.full_recipes)}." if chapter.full_recipes else "",
    )


def areas(chapter: Chapter) -> Table:
    """Area under the curve with mean rank and regret."""
    scores = chapter.areas()
    ranks, regrets = compare.mean_ranks(scores), compare.regrets(scores)
    means = np.array([[_mean(scores[a.title], d) for d in chapter.datasets] for a in chapter.arms], np.float64)
    rows = tuple(
        (
            arm.title,
            *(_percent(value) for value in means[i]),
            f"{ranks[arm.title]:.1f}" if np.isfinite(ranks[arm.title]) else NOTHING,
            _percent(float(np.mean(list(regrets[arm.title].values())))) if regrets[arm.title] else NOTHING,
            _percent(max(regrets[arm.title].values())) if regrets[arm.title] else NOTHING,
        )
        for i, arm in enumerate(chapter.arms)
    )
    return Table(
        "Area under the macro-F1 curve (mean height, in points)",
        ("Strategy", *chapter.datasets, "mean rank", "mean regret", "max regret"),
        rows,
        "Mean over seeds. Rank 1 is best, over the datasets and seeds that all strategies have. Regret: points below "
        "the best strategy of each dataset among those with the most seeds, known only afterwards, over the seeds that "
        "both have. Bold: the best of those with the most seeds.",
        best=_best(np.where(_complete(chapter), means, np.nan)),
    )


def differences(chapter: Chapter, seed: int = 0) -> Table:
    """Every arm against Tyrogue, paired over seeds, corrected for their number."""
    scores = chapter.areas()
    reference = next((arm for arm in chapter.arms if arm.name == REFERENCE), chapter.arms[0])
    found = []
    for arm in chapter.arms:
        rng = np.random.default_rng(seed)
        if arm != reference and (d := compare.paired_bootstrap(scores, reference.title, arm.title, rng)):
            found.append((arm, d))
    corrected = compare.holm([d.p for _, d in found])
    rows = tuple(
        (arm.title, f"{100 * d.mean:+.2f}", _resampled(d, scores, reference, arm), f"{p:.4f}", str(d.cells))
        for (arm, d), p in zip(found, corrected, strict=True)
    )
    return Table(
        f"How far {reference.title} is ahead, in points of area under the curve",
        ("Against", "difference", "95% interval", "p (Holm)", "pairs"),
        rows,
        "Paired by dataset and seed; seeds are resampled within each dataset (10,000 times), datasets weigh the same. "
        "p of the sign-flip test on the same pairs: few pairs cannot make it small.",
    )


def _resampled(d: compare.Difference, scores: compare.Scores, a: Arm, b: Arm) -> str:
    """Gives the bootstrap interval; nothing where no dataset has two seeds to resample."""
    if all(len(values) < 2 for values in compare.paired(scores, a.title, b.title).values()):
        return NOTHING
    return f"{100 * d.low:+.2f} to {100 * d.high:+.2f}"


def _complete(chapter: Chapter) -> np.ndarray:
    """Gives (arms, datasets): whether no other arm has more seeds there."""
    seeds = np.array([[len(chapter.records(d, a)) for d in chapter.datasets] for a in chapter.arms])
    seeds = seeds.reshape(len(chapter.arms), len(chapter.datasets))
    return np.asarray(seeds == seeds.max(axis=0, initial=0))


def calibration(chapter: Chapter) -> Table:
    """Expected calibration error at the end of the curves, in points."""
    rows = tuple((arm.title, *(_last_ece(chapter, d, arm) for d in chapter.datasets)) for arm in chapter.arms)
    return Table(
        "Expected calibration error with all labels, in points",
        ("Strategy", *chapter.datasets),
        rows,
        "Of the last model of each run, on the test set, in 15 bins of confidence; mean over seeds, 95% t interval.",
    )


def _last_ece(chapter: Chapter, dataset: str, arm: Arm) -> str:
    values = [100 * record.rounds[-1].ece for record in chapter.records(dataset, arm) if record.rounds]
    return plus_minus(metrics.mean_interval(values)) if values else NOTHING


def latency(chapter: Chapter) -> Table:
    """Table 3: mean seconds to acquire a batch, the first left out."""
    rows: list[tuple[str, ...]] = []
    theirs: list[int] = []
    for arm in chapter.arms:
        own = [chapter.seconds(d, arm) for d in chapter.datasets]
        rows.append((arm.title, *map(seconds, own)))
        printed = [published.acquisition_seconds().get((arm.name, d)) for d in chapter.datasets]
        if any(printed) and _first_of_its_name(chapter, arm):
            theirs.append(len(rows))
            rows.append((f"{arm.name}, published", *(plus_minus(value) for value in printed)))
    return Table(
        "Seconds to choose a batch (Table 3)",
        ("Strategy", *chapter.datasets),
        tuple(rows),
        "Mean over rounds after the first: draw, embed or infer, and select; embeddings computed beforehand are not in "
        "it. Published rows: bert-base-cased on a node with 8 A100, pools of the paper's size.",
        published_rows=tuple(theirs),
    )


def _first_of_its_name(chapter: Chapter, arm: Arm) -> bool:
    return next(a for a in chapter.arms if a.name == arm.name) == arm


def _budget_note(chapter: Chapter) -> str:
    budgets = {int(r.config["budget"]) for records in chapter.runs.values() for r in records}
    short = sorted(b for b in budgets if b < PUBLISHED_FAILURE)
    if not short:
        return ""
    return f"Here only {short[0]} labels were tried, so a failure's 1000 says little: read the corrected table. "


def _mean(by_cell: dict[compare.Cell, float], dataset: str) -> float:
    values = [score for (at, _), score in by_cell.items() if at == dataset]
    return float(np.mean(values)) if values else float("nan")


def _mean_or_inf(costs: Sequence[Cost]) -> float:
    if not costs or all(cost.censored for cost in costs):
        return float("inf")
    return float(np.mean([cost.labels for cost in costs]))


def _percent(value: float) -> str:
    return f"{100 * value:.1f}" if np.isfinite(value) else NOTHING


def _best(values: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Gives (row, column) of the largest finite values of each column; columns count from the first dataset."""
    found = []
    for column in range(values.shape[1]):
        finite = np.isfinite(values[:, column])
        if finite.sum() > 1:
            best = values[finite, column].max()
            found += [(int(row), column + 1) for row in np.flatnonzero(finite & (values[:, column] >= best - 1e-9))]
    return tuple(found)


__all__ = ["SHARES", "Table", "areas", "corrected_cost", "differences", "full_f1", "labeling_cost", "latency"]

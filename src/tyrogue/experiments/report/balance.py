"""Whether a ratio that adapts itself is worth it: regret to the best fixed ratio, known only afterwards."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tyrogue.experiments import compare
from tyrogue.experiments.report.study import Arm, Chapter
from tyrogue.experiments.report.sweeps import values_of
from tyrogue.experiments.report.tables import NOTHING, Table

MARK = "*"


def regret(chapter: Chapter) -> Table | None:
    """Gives each arm's regret by dataset, with maximum, mean and rank over the datasets that nothing was tuned on.

    None where the ratio was not varied, or no arm chooses it itself.
    """
    fixed = [arm.title for arms in values_of(chapter, "ratio").values() for arm in arms]
    if not fixed or not any(_adapts(chapter, arm) for arm in chapter.arms):
        return None
    scores, tuned_on = chapter.areas(), chapter.tuned_on
    regrets = compare.hindsight_regrets(scores, fixed)
    judged = [dataset for dataset in chapter.datasets if dataset not in tuned_on]
    shown = [*judged, *(dataset for dataset in chapter.datasets if dataset in tuned_on)]
    ranks = mean_places(scores, judged)
    rows = tuple(
        (
            arm.title,
            *(_points(regrets.get(arm.title, {}).get(dataset)) for dataset in shown),
            *_summary([regrets.get(arm.title, {}).get(dataset) for dataset in judged]),
            f"{ranks[arm.title]:.1f}" if arm.title in ranks else NOTHING,
            _seeds(chapter, arm, judged),
        )
        for arm in chapter.arms
    )
    marked = [dataset + MARK * (dataset in tuned_on) for dataset in shown]
    note = (
        "Points of area under the macro-F1 curve below the best fixed ratio of the dataset, known only afterwards, "
        "over the seeds that both have; negative: above all of them. Rank: of the mean over seeds, averaged over "
        "datasets."
    )
    if tuned_on:
        note += f" {MARK} The rule was tuned on these; maximum, mean and rank are over the others."
    return Table(
        "Regret to the best fixed ratio", ("Strategy", *marked, "maximum", "mean", "mean rank", "seeds"), rows, note
    )


def mean_places(scores: compare.Scores, datasets: Collection[str]) -> dict[str, float]:
    """Gives each strategy's rank by its mean score (1 is best), averaged over datasets; of those that have them all."""
    means = {
        name: [np.mean([score for (at, _), score in of.items() if at == dataset]) for dataset in datasets]
        for name, of in scores.items()
        if set(datasets) <= {at for at, _ in of}
    }
    one_a_dataset = {name: {(str(i), 0): float(v) for i, v in enumerate(values)} for name, values in means.items()}
    return compare.mean_ranks(one_a_dataset) if datasets else {}


def _adapts(chapter: Chapter, arm: Arm) -> bool:
    records = [record for dataset in chapter.datasets for record in chapter.records(dataset, arm)]
    return any(record.config["strategy"].get("parameters", {}).get("ratio") == "auto" for record in records)


def _points(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.2f}"


def _summary(values: list[float | None]) -> tuple[str, str]:
    known = [value for value in values if value is not None]
    if len(known) < len(values) or not known:
        return NOTHING, NOTHING
    return _points(max(known)), _points(float(np.mean(known)))


def _seeds(chapter: Chapter, arm: Arm, datasets: list[str]) -> str:
    counts = sorted({len(chapter.records(dataset, arm)) for dataset in datasets})
    return "–".join(map(str, counts[:: max(1, len(counts) - 1)]))

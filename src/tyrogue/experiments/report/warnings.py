"""What a reader must know before believing a number."""

from __future__ import annotations

import numpy as np

from tyrogue.experiments.maps import Map
from tyrogue.experiments.report.study import SHARES, Chapter

ENOUGH_SEEDS = 5


def of(chapter: Chapter) -> list[str]:
    """Gives sentences: runs that are missing or unfinished, bars that are missing, costs that are censored."""
    found = [*_unfinished(chapter), *_missing_seeds(chapter), *_missing_bars(chapter), *_censored(chapter)]
    return [*found, *_missing_picks(chapter), *_mixed(chapter)]


def _unfinished(chapter: Chapter) -> list[str]:
    if not chapter.unfinished:
        return []
    names = ", ".join(sorted(record.path.stem for record in chapter.unfinished)[:5])
    return [f"{len(chapter.unfinished)} runs are not finished and are left out ({names}, ...). Run the grid again."]


def _missing_seeds(chapter: Chapter) -> list[str]:
    found = []
    for dataset in chapter.datasets:
        seeds = {arm.title: {int(r.config["seed"]) for r in chapter.records(dataset, arm)} for arm in chapter.arms}
        every = set().union(*seeds.values()) if seeds else set()
        lacking = {title: sorted(every - have) for title, have in seeds.items() if have != every}
        absent = [title for title, have in seeds.items() if not have]
        some = [f"{title} lacks {', '.join(map(str, s))}" for title, s in lacking.items() if title not in absent]
        if some:
            found.append(f"{dataset}: seeds are missing: {'; '.join(some)}.")
        if absent and every:
            found.append(f"{dataset}: not run: {', '.join(absent)}.")
        if 0 < len(every) < ENOUGH_SEEDS:
            found.append(
                f"{dataset}: {len(every)} seeds only: intervals are rough, and those of a resampling too narrow."
            )
    return found


def _missing_bars(chapter: Chapter) -> list[str]:
    missing = [d for d in chapter.datasets if not chapter.full.get(d)]
    if not missing:
        return []
    return [f"No fully supervised model of {', '.join(missing)}: labeling costs there cannot be computed (full_seeds)."]


def _censored(chapter: Chapter) -> list[str]:
    found = []
    for share in SHARES:
        costs = [cost for d in chapter.datasets for a in chapter.arms for cost in chapter.costs(d, a, share)]
        missed = sum(cost.censored for cost in costs)
        if missed:
            found.append(
                f"{missed} of {len(costs)} runs did not reach {100 * share:.0f}% of the fully supervised macro-F1 at "
                "two evaluations in a row: their costs are lower bounds."
            )
    return found


def _missing_picks(chapter: Chapter) -> list[str]:
    """Tells of maps that were drawn before a strategy had picked: their pictures lack some of its texts."""
    found = []
    for dataset, record in chapter.maps.items():
        rows = Map.parse((record.done or {})["map"]).rows
        for arm in chapter.arms:
            same = [r for r in chapter.records(dataset, arm) if r.config["seed"] == record.config["seed"]]
            picked = np.unique([row for r in same for round in r.rounds for row in round.rows])
            missing = int(np.setdiff1d(picked, rows).size)
            if missing:
                found.append(
                    f"{dataset}: {missing} of {len(picked)} texts that {arm.title} picked are not on the map, which "
                    f"was drawn before. Delete {record.path.name} and run the grid again."
                )
    return found


def _mixed(chapter: Chapter) -> list[str]:
    records = [record for records in chapter.runs.values() for record in records]
    found = []
    for name, what in (("machine", "machines: compare their seconds with care"), ("commit", "versions of the source")):
        if len({str(record.config.get(name)) for record in records}) > 1:
            found.append(f"The runs were made on several {what}.")
    if any(str(record.config.get("commit")).endswith("+") for record in records):
        found.append('Some runs were made from a source changed since its commit (marked "+").')
    return found

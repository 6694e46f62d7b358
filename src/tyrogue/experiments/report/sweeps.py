"""Tables on the two parameters of Tyrogue that the paper varies: candidates (Table 4) and r (Figure 6)."""

from __future__ import annotations

from tyrogue.experiments import metrics
from tyrogue.experiments.report import published
from tyrogue.experiments.report.study import SHARES, Arm, Chapter
from tyrogue.experiments.report.tables import NOTHING, Table, plus_minus, published_definition, restricted


def values_of(chapter: Chapter, parameter: str, name: str = "tyrogue") -> dict[float, list[Arm]]:
    """Gives the arms of a strategy by the value of a parameter, ascending; empty when it was not varied."""
    found: dict[float, list[Arm]] = {}
    for arm in chapter.arms:
        records = [r for d in chapter.datasets for r in chapter.records(d, arm)]
        value = records[0].config["strategy"].get("parameters", {}).get(parameter) if records else None
        if arm.name == name and isinstance(value, int | float):
            found.setdefault(float(value), []).append(arm)
    return dict(sorted(found.items())) if len(found) > 1 else {}


def candidates(chapter: Chapter) -> Table | None:
    """Table 4: labeling cost for each number of candidates, own above published."""
    arms = values_of(chapter, "candidates")
    if not arms:
        return None
    rows: list[tuple[str, ...]] = []
    theirs: list[int] = []
    for share in SHARES:
        percent = round(100 * share)
        for value, group in arms.items():
            for arm in group:
                costs = [chapter.published_costs(d, arm, share) for d in chapter.datasets]
                rows.append((arm.title, f"{percent}%", *map(published_definition, costs)))
            printed = [published.candidate_costs().get((int(value), percent, d)) for d in chapter.datasets]
            if any(printed):
                theirs.append(len(rows))
                rows.append((f"{int(value):,} candidates, published", f"{percent}%", *map(plus_minus, printed)))
    return Table(
        "Labeling cost by number of candidates |D| (Table 4, the paper's definition)",
        ("Variant", "target", *chapter.datasets),
        tuple(rows),
        "A pool smaller than |D| is taken whole.",
        published_rows=tuple(theirs),
    )


def ratios(chapter: Chapter) -> Table | None:
    """Figure 6 in numbers: area and corrected cost for each r."""
    arms = values_of(chapter, "ratio")
    if not arms:
        return None
    rows = tuple(
        (arm.title, *(cell for d in chapter.datasets for cell in _both(chapter, d, arm)))
        for group in arms.values()
        for arm in group
    )
    columns = [name for d in chapter.datasets for name in (f"{d}: area", f"{d}: labels to 85%")]
    return Table(
        "What r costs (Figure 6)", ("r", *columns), rows, "Area in points; labels in the corrected definition."
    )


def _both(chapter: Chapter, dataset: str, arm: Arm) -> tuple[str, str]:
    values = [100 * metrics.area(*record.curve()) for record in chapter.records(dataset, arm)]
    area = plus_minus(metrics.mean_interval(values), 1) if values else NOTHING
    return area, restricted(chapter.costs(dataset, arm, SHARES[0]))

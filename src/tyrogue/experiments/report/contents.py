"""Which tables a chapter has, and what was run where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tyrogue.experiments.report import balance, sweeps, tables, wasted
from tyrogue.experiments.report.study import SHARES, Chapter
from tyrogue.experiments.report.tables import Table
from tyrogue.experiments.results import Record


def of_costs(chapter: Chapter) -> Iterator[Table]:
    """Gives what the paper's Table 2 asks, in both definitions."""
    for share in SHARES:
        if (made := tables.papers_bar(chapter, share)) is not None:
            yield made
    if not any(chapter.full.values()):
        return
    yield tables.full_f1(chapter)
    if chapter.runs:
        for share in SHARES:
            yield tables.corrected_cost(chapter, share)
        for share in SHARES:
            yield tables.labeling_cost(chapter, share)


def of_curves(chapter: Chapter) -> Iterator[Table]:
    """Gives areas, paired differences, and what a ratio that adapts itself is worth where one was tried."""
    if (made := balance.regret(chapter)) is not None:
        yield made
    if chapter.runs:
        yield tables.areas(chapter)
    if chapter.runs and len(chapter.arms) > 1:
        yield tables.differences(chapter)
    if chapter.runs:
        yield tables.calibration(chapter)


def of_sweeps(chapter: Chapter) -> Iterator[Table]:
    """Gives what was varied of Tyrogue."""
    for make in (sweeps.candidates, sweeps.ratios):
        made = make(chapter)
        if made is not None:
            yield made


def every_table(chapter: Chapter) -> Iterator[Table]:
    """Gives all tables of a chapter."""
    yield from of_curves(chapter)
    yield from of_costs(chapter)
    yield from of_sweeps(chapter)
    if (made := wasted.redundancy(chapter)) is not None:
        yield made
    if chapter.runs:
        yield tables.latency(chapter)


def provenance(chapter: Chapter) -> Table:
    """Gives what was run where."""
    return provenance_of(chapter.finished)


def provenance_of(finished: Iterable[Record]) -> Table:
    """Gives where these runs were made, and with what."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in finished:
        groups.setdefault(_circumstances(record), []).append(record)
    rows = tuple(
        (grid, str(len(group)), f"{sum(float((r.done or {}).get('seconds', 0)) for r in group) / 3600:.2f}", *rest)
        for (grid, *rest), group in sorted(groups.items())
    )
    columns = ("grid", "runs", "hours", "day", "machine", "threads", "commit", "tyrogue", "torch", "scikit-learn")
    return Table(
        "What was run where", columns, rows, "Hours are the sum over runs; several ran at once where cores allow."
    )


def _circumstances(record: Record) -> tuple[str, ...]:
    config = record.config
    machine, versions = config.get("machine", {}), config.get("versions", {})
    where = f"{machine.get('gpu') or machine.get('cpu', '?')}, {machine.get('cores', '?')} cores"
    return (
        str(config.get("grid", "?")),
        str(config.get("time", "?"))[:10],
        where,
        str(config.get("threads", "?")),
        str(config.get("commit") or "?"),
        *(str(versions.get(package, "?")) for package in ("tyrogue", "torch", "scikit-learn")),
    )

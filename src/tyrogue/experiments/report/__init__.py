"""From result files to tables and figures, each beside the paper's own values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tyrogue.errors import BadInput, MissingExtra
from tyrogue.experiments import results
from tyrogue.experiments.report import recipes
from tyrogue.experiments.report.study import Chapter, chapters

__all__ = ["markdown_report", "write_report"]


def write_report(
    folder: Path | Sequence[Path], out: Path, *, pngs: bool = True, tuned_on: Sequence[str] = ()
) -> list[Path]:
    """Writes the report on one or more folders of results to `out` (HTML), its figures as PNG into a folder beside it.

    Args:
        tuned_on: datasets that something was tuned on: shown, and left out where it is judged.

    Returns:
        What was written, the HTML first.

    Raises:
        BadInput: the folder holds no results.
        MissingExtra: matplotlib is not installed.
    """
    try:
        from tyrogue.experiments.report import compose
        from tyrogue.experiments.report.style import styled
    except ImportError as error:
        raise MissingExtra("matplotlib", "experiments", "A report") from error
    with styled():
        found, runs = _chapters(folder, tuned_on)
        return compose.write(found, out, pngs=pngs, runs=runs)


def markdown_report(folder: Path | Sequence[Path], tuned_on: Sequence[str] = ()) -> str:
    """Gives the main tables of one or more folders of results as Markdown.

    Raises:
        BadInput: the folder holds no results.
    """
    from tyrogue.experiments.report import contents, markdown, warnings

    def parts() -> Iterator[str]:
        found, runs = _chapters(folder, tuned_on)
        if runs:
            yield f"## {recipes.TITLE}\n"
            yield markdown.table(contents.provenance_of([r for records in runs.values() for r in records]))
            yield from (markdown.table(table) for table in recipes.tables(runs))
        for chapter in found:
            yield f"## {chapter.title}\n"
            yield markdown.table(contents.provenance(chapter))
            yield from (f"- {sentence}" for sentence in warnings.of(chapter))
            yield ""
            yield from (markdown.table(table) for table in contents.every_table(chapter))

    return "\n".join(parts())


def _chapters(folder: Path | Sequence[Path], tuned_on: Sequence[str]) -> tuple[list[Chapter], recipes.Runs]:
    folders = [folder] if isinstance(folder, Path) else folder
    records = [record for one in folders for record in results.read_all(one)]
    if not records:
        raise BadInput(
            "holds no results.", source=folders[0], remedy="Write some with: tyrogue bench GRID.toml --out FOLDER."
        )
    runs, others = recipes.split(records)
    return chapters(others, tuned_on), runs

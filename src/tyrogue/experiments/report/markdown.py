"""The main tables as Markdown, for the documentation."""

from __future__ import annotations

from tyrogue.experiments.report.tables import Table


def table(of: Table) -> str:
    """Gives a table with its title and note; published rows in italics, the best of a column in bold."""
    lines = [f"**{of.title}**", "", _line(of.columns), _line(["---", *["---:"] * (len(of.columns) - 1)])]
    for i, row in enumerate(of.rows):
        cells = [f"**{cell}**" if (i, j) in of.best else cell for j, cell in enumerate(row)]
        lines.append(_line([f"*{cell}*" for cell in cells] if i in of.published_rows else cells))
    return "\n".join([*lines, *(["", of.note] if of.note else []), ""])


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

"""Renews the tables of docs/results.md from the committed result files: `make docs`.

A block between `<!-- report FOLDERS [--tuned-on DATASETS] -->` and `<!-- /report -->` holds tables of `tyrogue report`
on these folders. Which ones, and in which order, its own titles say: a title written there by hand brings its table.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tyrogue.experiments.report import markdown_report

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "results.md"
BLOCK = re.compile(r"<!-- report (?P<told>[^>]*?) -->\n(?P<tables>.*?)<!-- /report -->", re.DOTALL)
TITLE = re.compile(r"^\*\*(.+)\*\*$", re.MULTILINE)
TABLE = re.compile(r"^\*\*(?P<title>[^\n]+)\*\*\n\n(?:\|[^\n]*\n)+(?:\n(?!\*\*|##|- )[^\n]+\n)?", re.MULTILINE)


def renewed(text: str) -> str:
    """Gives the page with the tables that the result files give now; KeyError for a title that no table has."""
    return BLOCK.sub(_block, text)


def _block(found: re.Match[str]) -> str:
    folders, _, tuned = found["told"].partition("--tuned-on")
    report = markdown_report(
        [ROOT / folder for folder in folders.split()], tuple(filter(None, tuned.strip().split(",")))
    )
    tables: dict[str, list[str]] = {}
    for table in TABLE.finditer(report):
        tables.setdefault(table["title"], []).append(table[0].rstrip())
    seen = Counter[str]()
    chosen = []
    for title in TITLE.findall(found["tables"]):
        # The nth of a title is that of the nth chapter that has one.
        chosen.append(tables[title][seen[title]])
        seen[title] += 1
    return f"<!-- report {found['told']} -->\n" + "\n\n".join(chosen) + "\n\n<!-- /report -->"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

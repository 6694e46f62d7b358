"""The report as one HTML file that needs nothing else: no JavaScript, no fonts, no images beside it."""

from __future__ import annotations

import io
import re
from html import escape

from matplotlib.figure import Figure

from tyrogue.experiments.report.tables import Table

STYLE = """
:root { color-scheme: light; }
body {
  font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 66rem; margin: 2rem auto; padding: 0 1.2rem;
}
h1 { font-size: 1.7rem; margin-bottom: .2rem; }
h2 { margin-top: 3rem; border-top: 2px solid #1a1a1a; padding-top: .6rem; }
h3 { margin-top: 2.2rem; font-size: 1.05rem; }
p, li { max-width: 46rem; }
.note, figcaption { color: #555; font-size: .86rem; max-width: 60rem; }
nav a { margin-right: 1.1rem; }
a { color: #0072b2; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; margin: 1.2rem 0 .5rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .35rem; white-space: nowrap; }
th, td { padding: .2rem 1rem .2rem 0; text-align: right; white-space: nowrap; border-bottom: 1px solid #e6e6e6; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 1.5px solid #1a1a1a; }
tbody th { font-weight: 500; }
tr.published td, tr.published th { color: #666; font-style: italic; }
td.best { font-weight: 700; }
figure { margin: 1.2rem 0; }
figure svg { max-width: 100%; height: auto; }
.warnings { background: #fff6e5; border-left: 4px solid #e69f00; padding: .5rem 1rem; margin: 1rem 0; }
@media print {
  @page { size: A4 landscape; margin: 12mm; }
  body { margin: 0; max-width: none; font-size: 10pt; }
  nav { display: none; }
  h2 { break-before: page; }
  h2:first-of-type { break-before: auto; }
  h3, caption { break-after: avoid; }
  figure, tr, .warnings { break-inside: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding-right: .35rem; }
  a { color: inherit; text-decoration: none; }
}
"""


def page(title: str, lead: str, body: list[str]) -> str:
    """Gives the whole document."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1><p>{escape(lead)}</p>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def heading(text: str, level: int = 3, anchor: str = "") -> str:
    """Gives a heading."""
    mark = f' id="{escape(anchor)}"' if anchor else ""
    return f"<h{level}{mark}>{escape(text)}</h{level}>"


def links(titles: dict[str, str]) -> str:
    """Gives links to the chapters, by anchor."""
    return "<nav>" + "".join(f'<a href="#{escape(a)}">{escape(t)}</a>' for a, t in titles.items()) + "</nav>"


def warnings(sentences: list[str]) -> str:
    """Gives the warnings as a box, or nothing."""
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<div class="warnings"><strong>Before you believe the numbers</strong><ul>{items}</ul></div>'


def table(of: Table) -> str:
    """Gives a table with its title and note."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in of.columns)
    body = "".join(_row(of, i) for i in range(len(of.rows)))
    note = f'<p class="note">{escape(of.note)}</p>' if of.note else ""
    return (
        f'<div class="scroll"><table><caption>{escape(of.title)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{note}"
    )


def _row(of: Table, i: int) -> str:
    first, *rest = of.rows[i]
    cells = "".join(
        f'<td class="best">{escape(cell)}</td>' if (i, j) in of.best else f"<td>{escape(cell)}</td>"
        for j, cell in enumerate(rest, start=1)
    )
    kind = ' class="published"' if i in of.published_rows else ""
    return f'<tr{kind}><th scope="row">{escape(first)}</th>{cells}</tr>'


def figure(drawn: Figure, name: str, caption: str) -> str:
    """Gives a figure as inline SVG. Ids that nothing uses go; the others get its name, so that none is there twice."""
    out = io.StringIO()
    drawn.savefig(out, format="svg", metadata={"Date": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", svg)
    svg = re.sub(r'(\bid="|href="#|url\(#)', lambda m: f"{m[1]}{name}-", svg)
    label = f'role="img" aria-label="{escape(caption)}" '
    return f"<figure>{svg.replace('<svg ', f'<svg {label}', 1)}<figcaption>{escape(caption)}</figcaption></figure>"

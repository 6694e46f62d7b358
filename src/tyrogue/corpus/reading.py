"""Reading a source of texts row by row, without making a project of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from tyrogue.corpus.columns import recognise
from tyrogue.corpus.intake import GoldNames, Intake
from tyrogue.corpus.records import Record
from tyrogue.corpus.sources import open_source
from tyrogue.errors import BadInput

_LOOKED_AT = 200


def read_records(
    source: str | Path,
    *,
    text: str | None = None,
    text_pair: str | None = None,
    label: str | None = None,
    id: str | None = None,
    encoding: str | None = None,
) -> Iterator[Record]:
    """Gives the rows of a source that hold a text, in its order; `row` counts them from 0.

    Args:
        source: anything that `import_source` takes.
        text, text_pair, label, id: columns; None to recognise them.
        encoding: of text files; None for UTF-8.

    Raises:
        BadInput: the source is not what it should be; names file, line and remedy.
    """
    opened = open_source(source, None, encoding)
    lines = opened.lines()
    sample = list(islice(lines, _LOOKED_AT))
    if not sample:
        raise BadInput("holds no rows.", source=opened.name, remedy="At least one text is needed.")
    given = {"text": text, "text_pair": text_pair, "label": label, "id": id}
    columns, _ = recognise(opened.name, opened.columns, [values for _, values in sample], given)
    golds = GoldNames(opened.name, columns.label, opened.class_names.get(columns.label or "", ()), ())
    intake = Intake(opened.name, columns, golds)
    for row, (_, entry) in enumerate(intake.entries(chain(sample, lines))):
        meta = json.loads(entry.meta) if entry.meta else {}
        yield Record(row, entry.id, entry.text, entry.text_pair, meta, entry.gold)

"""CSV and TSV."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Literal

from tyrogue.corpus.sources import sniff
from tyrogue.corpus.sources.base import Line
from tyrogue.corpus.sources.text import TextFile
from tyrogue.errors import BadInput

LONGEST_FIELD = 64 << 20
"""Characters. A quote that is never closed swallows the rest of a file; this is where we stop."""

_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')
_LOOKED_AT = 200


class Delimited:
    """A CSV or TSV file with a header, streamed; fields in quotes may hold line breaks.

    Args:
        path: the file.
        encoding: None to recognise UTF-8 and byte order marks.
        delimiter: None to take the commonest of , ; tab | in the header.
    """

    class_names: Mapping[str, tuple[str, ...]] = {}

    def __init__(self, path: Path, encoding: str | None = None, delimiter: str | None = None) -> None:
        self.name = str(path)
        self.warnings: list[str] = []
        self._file = TextFile(path, encoding, "TSV" if delimiter == "\t" else "CSV")
        if sniff.looks_like_json(path) == "lines":
            raise BadInput("is read as CSV, but its lines are JSON.", source=path, remedy="Pass --format jsonl.")
        first = list(islice(self._file.lines(), _LOOKED_AT))
        if not "".join(first).strip():
            raise BadInput("is empty.", source=path, remedy="The first line must name the columns, one of them `text`.")
        self._delimiter = delimiter or _delimiter(first[0])
        self._quoting: Literal[0, 3] = (
            csv.QUOTE_NONE if _quotes_are_letters(first, self._delimiter) else csv.QUOTE_MINIMAL
        )
        self.columns = self._header()

    def share(self) -> float:
        return self._file.share()

    def lines(self) -> Iterator[Line]:
        columns, width = self.columns, len(self.columns)
        rows = self._rows()
        next(rows)
        for line, values in rows:
            if len(values) != width:
                if not values:  # a blank line
                    continue
                raise self._ragged(line, len(values))
            yield line, dict(zip(columns, values))

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Gives (line on which the row begins, fields), blank lines as []."""
        # The limit is the csv module's and holds for the whole process; ours is larger than its own.
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_FIELD))
        reader = csv.reader(self._file.lines(), delimiter=self._delimiter, quoting=self._quoting, strict=True)
        begin = 1
        try:
            for values in reader:
                yield begin, values
                begin = reader.line_num + 1
        except csv.Error as error:
            raise self._broken(error, begin) from error

    def _header(self) -> tuple[str, ...]:
        _, names = next((row for row in self._rows() if row[1]), (1, []))
        columns = tuple(name.strip() or f"column {i}" for i, name in enumerate(names, 1))
        repeated = [name for name, count in Counter(columns).items() if count > 1]
        if repeated:
            raise BadInput(
                f"the header names {repeated[0]!r} twice.",
                source=self.name,
                line=1,
                remedy="Give each column its own name.",
            )
        return columns

    def _ragged(self, line: int, fields: int) -> BadInput:
        mark = "tab" if self._delimiter == "\t" else self._delimiter
        return BadInput(
            f"{fields} fields where the header has {len(self.columns)} ({', '.join(self.columns)}).",
            source=self.name,
            line=line,
            remedy=f'Put a field that holds a {mark} or a line break in double quotes: "like this".',
        )

    def _broken(self, error: csv.Error, line: int) -> BadInput:
        said = str(error)
        if "unexpected end" in said or "field larger" in said:
            what = "a quote opens a field here and is never closed."
            remedy = 'Close it, or double every quote inside a quoted field: "she said ""no""".'
        elif "expected after" in said:
            what = "a quote inside a quoted field is not doubled."
            remedy = 'Double it: "she said ""no""".'
        else:
            what, remedy = f"not readable as CSV ({said}).", "Save it again as CSV UTF-8, or as JSON Lines."
        return BadInput(what, source=self.name, line=line, remedy=remedy)


def _delimiter(header: str) -> str:
    plain = _QUOTED.sub("", header)
    counts = {mark: plain.count(mark) for mark in _DELIMITERS}
    best = max(counts, key=lambda mark: counts[mark])  # the first of equals: the comma
    return best if counts[best] else ","


def _quotes_are_letters(lines: list[str], delimiter: str) -> bool:
    """Whether a TSV was written without quoting (GLUE files are): quotes at the edge of a field then stay.

    So it is when every line has as many fields as the header and some field opens a quote without closing it.
    """
    if delimiter != "\t":
        return False
    rows = [line.rstrip("\r\n").split("\t") for line in lines if line.strip()]
    even = all(len(row) == len(rows[0]) for row in rows)
    return even and any(field.startswith('"') and field.count('"') % 2 for row in rows for field in row)

"""From the lines of a source to entries of the pool: texts cleaned, labels named, empty rows left out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tyrogue.corpus.columns import Columns
from tyrogue.corpus.records import Entry, clean, content_hash, dump_meta
from tyrogue.corpus.sources import Line
from tyrogue.corpus.writing import Numbered
from tyrogue.errors import BadInput


class GoldNames:
    """Names the labels of a source.

    Args:
        source: for messages.
        column: the label column, for messages.
        declared: what integers stand for, where the source says so (ClassLabel, meta.json).
        classes: the classes known; a label that is a number is a position in this list, unless classes are numbers.
        strict: a label that is not in the list is an error.
    """

    def __init__(
        self, source: str, column: str | None, declared: Sequence[str], classes: Sequence[str], strict: bool = True
    ) -> None:
        self._source, self._column, self._strict = source, column, strict
        self._by_position = not any(name.isdecimal() for name in classes)
        self._declared, self._classes, self._allowed = tuple(declared), tuple(classes), set(classes)

    def name(self, value: Any, line: int) -> str | None:
        """Gives the class of a value, None for none.

        Raises:
            BadInput: it is not in the list of classes, or no label at all.
        """
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return None
        if isinstance(value, list | dict | tuple):
            what = f"the label is {value!r}, a list or object; one class a text is needed."
            raise BadInput(what, source=self._source, line=line, remedy="Give each text one label, or --label none.")
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # pandas turns integers with gaps into floats
        name = (
            str(value).strip()
            if not isinstance(value, int) or isinstance(value, bool)
            else self._of_number(value, line)
        )
        if not name:
            return None
        return self._in_list(clean(name), line) if self._allowed else clean(name)

    def _of_number(self, value: int, line: int) -> str:
        if not self._declared:
            return str(value)
        if value == -1:  # what Hugging Face datasets write for "no label"
            return ""
        if 0 <= value < len(self._declared):
            return self._declared[value]
        what = f"label {value} is none of the {len(self._declared)} classes that the dataset declares."
        raise BadInput(what, source=self._source, line=line, remedy="Mend the label, or --label none.")

    def _in_list(self, name: str, line: int) -> str:
        if name in self._allowed:
            return name
        if self._by_position and name.isdecimal() and int(name) < len(self._classes):
            return self._classes[int(name)]
        if not self._strict:
            return name
        raise BadInput(
            f"the label {name!r} (column {self._column!r}) is not in the list {', '.join(self._classes)}.",
            source=self._source,
            line=line,
            remedy=f"Add it: --labels {','.join((*self._classes, name))}; or ignore the column: --label none.",
        )


class Intake:
    """Turns lines into entries and counts what it left out or changed.

    Attributes:
        read: lines seen.
        empty: rows without a text.
        cleaned: texts in which NUL or half surrogates were replaced.
        with_gold: rows with a label.
    """

    def __init__(self, source: str, columns: Columns, golds: GoldNames) -> None:
        self._source, self._columns, self._golds = source, columns, golds
        self._named = columns.named
        self.read = self.empty = self.cleaned = self.with_gold = 0

    def entries(self, lines: Iterable[Line]) -> Iterator[Numbered]:
        """Gives (line, entry) of the rows that have a text."""
        for line, values in lines:
            self.read += 1
            entry = self._entry(line, values)
            if entry is None:
                self.empty += 1
            else:
                self.with_gold += entry.gold is not None
                yield line, entry

    def _entry(self, line: int, values: Mapping[str, Any]) -> Entry | None:
        columns, pair = self._columns, None
        text = self._text(values.get(columns.text), columns.text, line)
        if columns.text_pair is not None:
            pair = self._text(values.get(columns.text_pair), columns.text_pair, line)
            if pair is None:
                return None
        if text is None:
            return None
        try:
            content = content_hash(text, pair)
        except UnicodeEncodeError:
            text, pair = clean(text), None if pair is None else clean(pair)
            content = content_hash(text, pair)
            self.cleaned += 1
        gold = None if columns.label is None else self._golds.name(values.get(columns.label), line)
        meta = {key: value for key, value in values.items() if key not in self._named}
        return Entry(self._id(values, line), text, pair, dump_meta(meta), gold, None, content)

    def _text(self, value: Any, column: str, line: int) -> str | None:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return None
        if not isinstance(value, str):
            what = f"{column!r} is {value!r:.60} ({type(value).__name__}), not a text."
            remedy = "Put it in quotes, or name another column: --text COLUMN."
            raise BadInput(what, source=self._source, line=line, remedy=remedy)
        if "\0" in value:
            value = clean(value)
            self.cleaned += 1
        return value if value and not value.isspace() else None

    def _id(self, values: Mapping[str, Any], line: int) -> str | None:
        value = None if self._columns.id is None else values.get(self._columns.id)
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return None
        if isinstance(value, list | dict):
            what = f"the id is {value!r:.60}, a list or object."
            raise BadInput(
                what, source=self._source, line=line, remedy="Name another column: --id COLUMN, or --id none."
            )
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return clean(str(value))

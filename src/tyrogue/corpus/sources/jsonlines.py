"""JSON Lines, those that Prodigy's `db-out` writes included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from tyrogue.corpus.sources import sniff
from tyrogue.corpus.sources.base import Line
from tyrogue.corpus.sources.text import TextFile
from tyrogue.errors import BadInput

_LOOKED_AT = 1_000


class JsonLines:
    """One JSON object a line, streamed. An object under `meta` is spread out into columns.

    Prodigy: `label` counts when the answer is "accept", and so does the one option in `accept`.
    """

    class_names: Mapping[str, tuple[str, ...]] = {}

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.name = str(path)
        self.warnings: list[str] = []
        self._file = TextFile(path, encoding, "JSON Lines")
        if sniff.looks_like_json(path) == "array":
            raise BadInput(
                "is one JSON array; one object a line is needed.",
                source=path,
                remedy=f"Convert it: jq -c '.[]' {path.name} > texts.jsonl",
            )
        seen: dict[str, None] = {}
        for _, values in islice(self.lines(), _LOOKED_AT):
            seen.update(dict.fromkeys(values))
        self.columns = tuple(seen)

    def share(self) -> float:
        return self._file.share()

    def lines(self) -> Iterator[Line]:
        for number, raw in enumerate(self._file.lines(), 1):
            if raw.strip():
                yield number, self._values(raw, number)

    def _values(self, raw: str, line: int) -> dict[str, Any]:
        try:
            values: Any = json.loads(raw)
        except (ValueError, RecursionError) as error:
            what = f"not valid JSON ({error})."
            raise BadInput(what, source=self.name, line=line, remedy="Each line must be one JSON object.") from error
        if not isinstance(values, dict):
            what = f"a JSON {_kind(values)}, not an object."
            raise BadInput(what, source=self.name, line=line, remedy='Each line must be like {"text": "..."}.')
        if "answer" in values:
            values = _prodigy(values)
        meta = values.get("meta")
        if not isinstance(meta, dict):
            return dict(values)
        return {**meta, **{key: value for key, value in values.items() if key != "meta"}}


def _prodigy(values: dict[str, Any]) -> dict[str, Any]:
    """Gives the task with the label that was accepted, if any."""
    chosen, label = values.get("accept"), values.get("label")
    if isinstance(chosen, list):
        label = chosen[0] if len(chosen) == 1 else None
    return {**values, "label": label if values["answer"] == "accept" else None}


def _kind(value: Any) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")

"""Labels out of a project, as files that other tools read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tyrogue.corpus.durable import replacing, replacing_folder
from tyrogue.errors import BadInput, MissingExtra, UnknownName

Row = Mapping[str, Any]
"""`row`, `id`, `text`, `text_pair`, `meta` (the user's columns), `label` (a class or None), and what else is told."""

_FIRST = ("row", "id", "text", "text_pair", "label")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_OF_OURS = ("dataset_info.json", "dataset_dict.json", "state.json")


def export_labels(
    rows: Iterable[Row], path: str | Path, *, format: str | None = None, class_names: Sequence[str], safe: bool = False
) -> int:
    """Writes labeled rows to `path`, whole or not at all; gives their number.

    CSV, Parquet and Hugging Face datasets have a column for each of the user's own columns (`meta.NAME` where the name
    is taken); JSON Lines keep them under `meta`. In a Hugging Face dataset the label is a ClassLabel.

    Args:
        rows: as `Row` says.
        path: the file; for "hf" a folder, which is replaced when it is a dataset.
        format: csv, jsonl, parquet or hf; None to tell by the name.
        class_names: the classes in order.
        safe: put an apostrophe before CSV cells that a spreadsheet would run as a formula.

    Raises:
        UnknownName: there is no such format.
        BadInput: the folder for "hf" holds something else.
        ProjectError: the disk is full.
    """
    path = Path(path)
    format = format or {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}.get(path.suffix.lower(), "hf")
    if format not in FORMATS:
        raise UnknownName("export format", format, FORMATS)
    found = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    FORMATS[format](found, path, list(class_names), safe)
    return len(found)


def _csv(rows: list[Row], path: Path, class_names: list[str], safe: bool) -> None:
    columns = _columns(rows)
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        out = csv.writer(text)
        cell = _defused if safe else _cell
        out.writerow([cell(name) for name in columns])
        for row in rows:
            flat = _flat(row)
            out.writerow([cell(flat.get(name)) for name in columns])
        text.flush()
        text.detach()


def _jsonl(rows: list[Row], path: Path, class_names: list[str], safe: bool) -> None:
    with replacing(path) as file:
        for row in rows:
            kept = {key: value for key, value in row.items() if value is not None and (key != "meta" or value)}
            file.write(json.dumps(kept, ensure_ascii=False, default=str).encode() + b"\n")


def _parquet(rows: list[Row], path: Path, class_names: list[str], safe: bool) -> None:
    with replacing(path) as file:
        pq.write_table(_table(rows), file, compression="zstd")


def _hugging_face(rows: list[Row], path: Path, class_names: list[str], safe: bool) -> None:
    try:
        import datasets
    except ImportError:
        raise MissingExtra("datasets", "hub", "Exporting a Hugging Face dataset") from None
    if path.exists() and not (path.is_dir() and any((path / name).is_file() for name in _OF_OURS)):
        raise BadInput("exists and is no dataset.", source=path, remedy="Choose another folder, or remove it.")
    # Features are the schema's own, but for the label: an integer with the names of the classes.
    data = datasets.Dataset(_table(rows)).cast_column("label", datasets.ClassLabel(names=class_names))
    with replacing_folder(path) as folder:
        data.save_to_disk(str(folder))


FORMATS: dict[str, Callable[[list[Row], Path, list[str], bool], None]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "hf": _hugging_face,
}


def _columns(rows: list[Row]) -> list[str]:
    """Gives all columns: ours, the user's in the order seen, then what else is told."""
    user: dict[str, None] = {}
    told: dict[str, None] = {}
    for row in rows:
        taken = row.keys()
        user.update(dict.fromkeys(_own_name(key, taken) for key in row.get("meta") or {}))
        told.update(dict.fromkeys(key for key in row if key not in (*_FIRST, "meta")))
    pair = any(row.get("text_pair") is not None for row in rows)
    first = [name for name in _FIRST if pair or name != "text_pair"]
    return [*first, *(name for name in user if name not in told), *told]


def _flat(row: Row) -> dict[str, Any]:
    own = {_own_name(key, row.keys()): value for key, value in (row.get("meta") or {}).items()}
    return {**own, **{key: value for key, value in row.items() if key != "meta"}}


def _own_name(key: str, taken: Iterable[str]) -> str:
    return f"meta.{key}" if key in taken or key in _FIRST else key


def _table(rows: list[Row]) -> Any:
    columns, flat = _columns(rows), [_flat(row) for row in rows]
    return pa.table({name: _array([row.get(name) for row in flat], name) for name in columns})


def _array(values: list[Any], name: str) -> Any:
    """Gives a column; values of mixed kinds become text."""
    if name in ("id", "text", "text_pair", "label") or all(value is None for value in values):
        return pa.array(values, pa.string())
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else _cell(value) for value in values], pa.string())


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _defused(value: Any) -> Any:
    cell = _cell(value)
    return f"'{cell}" if isinstance(value, str) and cell.startswith(_FORMULA) else cell

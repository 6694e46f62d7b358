"""Parquet: one file, or the train files of a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tyrogue.corpus.sources import sniff
from tyrogue.corpus.sources.base import Line, unreadable
from tyrogue.errors import BadInput

_BATCH = 2_000
_OTHER_SPLITS = re.compile(r"(^|[-_/.])(test|val|valid|validation|dev|eval)([-_/.0-9]|$)", re.IGNORECASE)


class Parquet:
    """Parquet files of one schema, read in batches. Columns of bytes (images, audio) are left out."""

    def __init__(self, path: Path, files: Sequence[Path] | None = None) -> None:
        self.name, self._files = str(path), list(files or [path])
        self.warnings: list[str] = []
        self._tables = [_open(file) for file in self._files]
        self._total = sum(table.metadata.num_rows for table in self._tables)
        self._done = 0
        schema = self._tables[0].schema_arrow
        self._refuse_other_columns(schema)
        self.columns = tuple(field.name for field in schema if not _is_bytes(field.type))
        self.class_names = _declared_names(schema) or _names_beside(self._files[0])

    def share(self) -> float:
        return self._done / self._total if self._total else 1.0

    def lines(self) -> Iterator[Line]:
        self._done = 0
        for file, table in zip(self._files, self._tables, strict=True):
            try:
                # pre_buffer would read whole row groups ahead; memory is bounded without.
                for batch in table.iter_batches(batch_size=_BATCH, columns=list(self.columns), use_threads=False):
                    for values in batch.to_pylist():
                        self._done += 1
                        yield self._done, values
            except (pa.ArrowException, OSError) as error:
                raise _damaged(file, error) from error

    def _refuse_other_columns(self, schema: Any) -> None:
        for file, table in zip(self._files, self._tables, strict=True):
            if table.schema_arrow.names != schema.names:
                raise BadInput(
                    f"has the columns {', '.join(table.schema_arrow.names)}, but {self._files[0].name} has "
                    f"{', '.join(schema.names)}.",
                    source=file,
                    remedy="Import the files one by one.",
                )


def train_files(folder: Path) -> tuple[list[Path], list[str]]:
    """Gives the Parquet files of a dataset folder that are to be imported, and the names of the splits left out."""
    files = sorted(file for file in folder.rglob("*.parquet") if not file.name.startswith("."))
    kept = [file for file in files if not _OTHER_SPLITS.search(file.relative_to(folder).as_posix())]
    left = [file.relative_to(folder).as_posix() for file in files if file not in kept]
    return (kept, left) if kept else (files, [])


def _open(file: Path) -> Any:
    if not sniff.head(file).startswith(b"PAR1"):
        raise BadInput(
            "is read as Parquet, but it does not begin like one.",
            source=file,
            remedy="Name its format: --format csv, tsv, jsonl or txt.",
        )
    try:
        return pq.ParquetFile(file, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, PermissionError):
            raise unreadable(file, error) from error
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> BadInput:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return BadInput(f"is cut or damaged ({said}).", source=file, remedy="Download or write it again.")


def _is_bytes(kind: Any) -> bool:
    if pa.types.is_struct(kind):
        return any(_is_bytes(kind.field(i).type) for i in range(kind.num_fields))
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _declared_names(schema: Any) -> dict[str, tuple[str, ...]]:
    """Gives the ClassLabel names that Hugging Face `datasets` writes into the schema."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return {
            column: tuple(feature["names"])
            for column, feature in features.items()
            if isinstance(feature, Mapping) and feature.get("_type") == "ClassLabel" and "names" in feature
        }
    except (TypeError, KeyError, ValueError, AttributeError):
        return {}


def _names_beside(file: Path) -> dict[str, tuple[str, ...]]:
    """Gives the `classes` of a meta.json in the same folder, for the column `label`."""
    try:
        classes = json.loads((file.parent / "meta.json").read_text(encoding="utf-8"))["classes"]
        return {"label": tuple(map(str, classes))}
    except (OSError, ValueError, KeyError, TypeError):
        return {}

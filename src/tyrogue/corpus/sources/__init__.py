"""Readers of the formats that texts come in; `open_source` chooses one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tyrogue.corpus.sources import hub, parquet, plain, sniff
from tyrogue.corpus.sources.base import Line, Source, unreadable
from tyrogue.corpus.sources.delimited import Delimited
from tyrogue.corpus.sources.jsonlines import JsonLines
from tyrogue.errors import BadInput, UnknownName

FORMATS: dict[str, Callable[[Path, str | None], Source]] = {
    "csv": lambda path, encoding: Delimited(path, encoding),
    "tsv": lambda path, encoding: Delimited(path, encoding, "\t"),
    "jsonl": JsonLines,
    "txt": plain.TextLines,
    "parquet": lambda path, _: parquet.Parquet(path),
}
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".txt": "txt",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def open_source(source: str | Path, format: str | None = None, encoding: str | None = None) -> Source:
    """Opens a file, a folder or a dataset of the Hugging Face hub.

    Args:
        source: a path, or the name of a dataset when there is no such path.
        format: one of FORMATS, or "hf"; None to tell by the name and the first bytes.
        encoding: of text files; None for UTF-8 and what a byte order mark names.

    Raises:
        BadInput: no such file, not readable, or not what it should be.
        UnknownName: there is no such format.
        MissingExtra: the source needs `datasets`.
    """
    if format is not None and format not in (*FORMATS, "hf"):
        raise UnknownName("format", format, (*FORMATS, "hf"))
    path = Path(source)
    try:
        if path.is_dir():
            return _folder(path, encoding)
        if path.exists():
            return FORMATS[format or _format_of(path)](path, encoding)
    except OSError as error:
        raise unreadable(path, error) from error
    if format == "hf" or (format is None and path.suffix.lower() not in SUFFIXES and hub.is_name(str(source))):
        return hub.open_name(str(source))
    raise BadInput(f"There is no file {str(source)!r} in {Path.cwd()}.", remedy="Check the name and the directory.")


def _folder(path: Path, encoding: str | None) -> Source:
    if (path / "project.json").is_file():
        raise BadInput("is a project, not a source of texts.", source=path, remedy=f"Open it: tyrogue open {path}")
    if hub.is_saved_dataset(path):
        return hub.open_saved(path)
    files, left_out = parquet.train_files(path)
    if files:
        table = parquet.Parquet(path, files)
        if left_out:
            table.warnings.append(f"Imported {', '.join(f.name for f in files)}; left out {', '.join(left_out)}.")
        return table
    if plain.text_files(path):
        return plain.TextFolder(path, encoding)
    raise plain.nothing_inside(path)


def _format_of(path: Path) -> str:
    known = SUFFIXES.get(path.suffix.lower())
    if known:
        return known
    if sniff.head(path).startswith(b"PAR1"):
        return "parquet"
    sniff.refuse_binary(path, "text")
    raise BadInput(
        f"its name does not tell what it is (known: {', '.join(SUFFIXES)}).",
        source=path,
        remedy=f"Pass --format: {', '.join(FORMATS)}.",
    )


__all__ = ["FORMATS", "SUFFIXES", "Line", "Source", "open_source"]

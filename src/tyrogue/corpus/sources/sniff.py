"""Telling by its first bytes what a file really is."""

from __future__ import annotations

import codecs
import zipfile
from pathlib import Path

from tyrogue.corpus.sources.base import unreadable
from tyrogue.errors import BadInput

_HEAD = 64 << 10

_BINARY: tuple[tuple[bytes, str, str], ...] = (
    (b"PAR1", "a Parquet file", "Rename it to end in .parquet, or pass --format parquet."),
    (b"\x1f\x8b", "gzip-compressed", "Unpack it: gunzip --keep {name}"),
    (b"BZh", "bzip2-compressed", "Unpack it: bunzip2 --keep {name}"),
    (b"\xfd7zXZ\0", "xz-compressed", "Unpack it: unxz --keep {name}"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed", "Unpack it: unzstd {name}"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it: 7z x {name}"),
    (b"\xd0\xcf\x11\xe0", "an old Office document (.xls, .doc)", "Open it and save it as CSV UTF-8."),
    (b"%PDF", "a PDF", "Save its text as CSV or .txt files first."),
    (
        b"SQLite format 3\0",
        "a SQLite database",
        "Export the table: sqlite3 -csv -header {name} 'SELECT * FROM TABLE' > texts.csv",
    ),
    (b"ARROW1", "an Arrow (Feather) file", "Convert it: pandas.read_feather({name!r}).to_parquet('texts.parquet')"),
    (b"\x89PNG", "an image", "Texts are needed."),
    (b"\xff\xd8\xff", "an image", "Texts are needed."),
    (b"GIF8", "an image", "Texts are needed."),
)

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark begins it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def head(path: Path) -> bytes:
    """Gives the first bytes of a file; BadInput when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError as error:
        raise unreadable(path, error) from error


def refuse_binary(path: Path, expected: str) -> None:
    """Raises BadInput, saying what the file is and how to convert it, when it is no text."""
    start = head(path)
    found = next(((kind, remedy) for magic, kind, remedy in _BINARY if start.startswith(magic)), None)
    if start.startswith(b"PK\x03\x04"):
        found = _inside_zip(path)
    if found is not None:
        kind, remedy = found
        raise BadInput(f"is read as {expected}, but it is {kind}.", source=path, remedy=remedy.format(name=path.name))
    if start[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise BadInput(
            f"is read as {expected}, but it is a web page.",
            source=path,
            remedy="A download often gives a login or error page instead of the file: download it again.",
        )


def _inside_zip(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        names = []
    if any(name.startswith("xl/") for name in names):
        return (
            "an Excel workbook",
            "Save it in Excel as CSV UTF-8, or: pandas.read_excel({name!r}).to_csv('texts.csv', index=False)",
        )
    if any(name.startswith("word/") for name in names):
        return "a Word document", "Save its text as CSV or .txt files first."
    return f"a zip archive of {len(names)} files", "Unpack it: unzip {name}"


def encoding_of(path: Path) -> str:
    """Gives the encoding that the file's byte order mark names, else UTF-8.

    Raises:
        BadInput: the file looks like UTF-16 without a mark.
    """
    start = head(path)
    marked = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)
    if marked is None and len(start) > 3:
        for place, name in ((start[1::2], "utf-16-le"), (start[0::2], "utf-16-be")):
            if place.count(0) > 0.4 * len(place):
                raise BadInput(
                    "every other byte is 0, so this is UTF-16, not UTF-8.",
                    source=path,
                    remedy=f"Pass --encoding {name}.",
                )
    return marked or "utf-8"


def looks_like_json(path: Path) -> str | None:
    """Gives "lines" for JSON Lines, "array" for one JSON array, None for neither."""
    start = head(path).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b'{"', b"{ ", b"{}")):
        return "lines"
    return "array" if start.startswith((b"[{", b"[ {", b"[\n", b"[\r\n", b'["')) else None

"""Plain text: a folder of .txt files, or one file with a text a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tyrogue.corpus.sources.base import Line, unreadable
from tyrogue.corpus.sources.text import TextFile
from tyrogue.errors import BadInput


class TextLines:
    """A .txt file with one text a line."""

    class_names: Mapping[str, tuple[str, ...]] = {}
    columns: tuple[str, ...] = ("text",)

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.name = str(path)
        self.warnings: list[str] = []
        self._file = TextFile(path, encoding, "plain text")

    def share(self) -> float:
        return self._file.share()

    def lines(self) -> Iterator[Line]:
        for number, line in enumerate(self._file.lines(), 1):
            yield number, {"text": line.rstrip("\r\n")}


class TextFolder:
    """A folder of .txt files: each is a text, its name the id.

    Sub-folders are the classes when there are two or more of them and every file lies in one.
    """

    class_names: Mapping[str, tuple[str, ...]] = {}

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.name, self._path, self._encoding = str(path), path, encoding
        self.warnings: list[str] = []
        self._files = text_files(path)
        self._done = 0
        folders = {file.parts[0] for file in self._files if len(file.parts) == 2}
        self._classes = len(folders) > 1 and all(len(file.parts) == 2 for file in self._files)
        self.columns = ("id", "text", "label") if self._classes else ("id", "text")

    def share(self) -> float:
        return self._done / len(self._files) if self._files else 1.0

    def lines(self) -> Iterator[Line]:
        for number, file in enumerate(self._files, 1):
            self._done = number
            values = {"id": file.as_posix(), "text": self._text(file)}
            if self._classes:
                values["label"] = file.parts[0]
            yield number, values

    def _text(self, file: Path) -> str:
        return "".join(TextFile(self._path / file, self._encoding, "plain text").lines())


def text_files(folder: Path) -> list[Path]:
    """Gives the .txt files under a folder, relative to it, sorted; hidden ones are left out."""
    try:
        found = (file.relative_to(folder) for file in folder.rglob("*.txt") if file.is_file())
        return sorted(file for file in found if not any(part.startswith(".") for part in file.parts))
    except OSError as error:
        raise unreadable(folder, error) from error


def nothing_inside(folder: Path) -> BadInput:
    """Gives the error for a folder without texts; it tells what is there instead."""
    names = sorted(entry.name for entry in folder.iterdir())[:5]
    return BadInput(
        f"the folder holds no texts (it has: {', '.join(names) or 'nothing'}).",
        source=folder,
        remedy="Give a folder of .txt or .parquet files, a dataset saved with save_to_disk, or a single file.",
    )

"""Text files line by line, with bytes, lines and encodings accounted for."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from tyrogue.corpus.sources import sniff
from tyrogue.corpus.sources.base import unreadable
from tyrogue.errors import BadInput

LONGEST_LINE = 256 << 20
"""Bytes. Longer ones are no texts, and memory is bounded."""

_SUGGESTED = (
    "Pass its encoding: --encoding cp1252 (Western Windows and Excel), cp1251 (Cyrillic), gb18030 (Chinese), "
    "shift_jis (Japanese), utf-16; or save the file as UTF-8."
)


class TextFile:
    """A file of text that is decoded line by line.

    Args:
        path: the file.
        encoding: None for UTF-8, or what the byte order mark names.
        expected: the format, for messages.
    """

    def __init__(self, path: Path, encoding: str | None, expected: str) -> None:
        self.path = path
        sniff.refuse_binary(path, expected)
        self.encoding = encoding or sniff.encoding_of(path)
        _check_known(path, self.encoding)
        self._size, self._read = path.stat().st_size, 0

    def share(self) -> float:
        return self._read / self._size if self._size else 1.0

    def lines(self) -> Iterator[str]:
        """Gives the lines with their ends (\\n, \\r\\n), without a byte order mark.

        Raises:
            BadInput: bytes that the encoding does not know (names line and offset), an endless line.
        """
        by_bytes = not self.encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32", "utf16", "utf32"))
        return self._narrow() if by_bytes else self._wide()

    def _narrow(self) -> Iterator[str]:
        # Line by line so that a wrong byte has a line and an offset.
        encoding = "utf-8" if self.encoding == "utf-8-sig" else self.encoding
        self._read, number = 0, 0
        with self._open() as file:
            while raw := file.readline(LONGEST_LINE):
                number += 1
                if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                    raise self._endless(number)
                try:
                    line = raw.decode(encoding)
                except UnicodeDecodeError as error:
                    raise self._undecodable(error, number, self._read + error.start) from error
                self._read += len(raw)
                yield line.removeprefix("\ufeff") if number == 1 else line

    def _wide(self) -> Iterator[str]:
        self._read = number = 0
        try:
            with self.path.open(encoding=self.encoding, newline="") as file:
                for number, line in enumerate(file, 1):
                    self._read += 2 * len(line)
                    yield line.removeprefix("\ufeff") if number == 1 else line
        except UnicodeError as error:
            raise self._undecodable(error, number + 1, None) from error
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _open(self) -> BufferedReader:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise unreadable(self.path, error) from error

    def _undecodable(self, error: UnicodeError, line: int, offset: int | None) -> BadInput:
        what = "bytes"
        if isinstance(error, UnicodeDecodeError):
            what = f"byte 0x{error.object[error.start]:02x}"
        where = "" if offset is None else f" at offset {offset:,}"
        return BadInput(
            f"{what}{where} cannot be read as {self.encoding}.", source=self.path, line=line, remedy=_SUGGESTED
        )

    def _endless(self, line: int) -> BadInput:
        return BadInput(
            f"the line is longer than {LONGEST_LINE >> 20} MB.",
            source=self.path,
            line=line,
            remedy="Is this a file of texts, one to a line or row?",
        )


def _check_known(path: Path, encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise BadInput(f"there is no encoding named {encoding!r}.", source=path, remedy=_SUGGESTED) from None

"""Values on their way into columns: plain JSON, arrays as bytes, names and notes that any database takes."""

from __future__ import annotations

import io
import json
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tyrogue.errors import UsageError

MAX_NAME = 200
MAX_NOTE = 10_000
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def plain(value: Any) -> Any:
    """Gives what JSON can hold: numpy numbers as numbers, arrays as lists, NaN and infinity as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def to_bytes(array: NDArray[Any]) -> tuple[str, bytes]:
    """Gives format and content: npy for numbers and truth values, JSON for strings. Nothing is pickled."""
    array = np.asarray(array)
    if array.dtype.kind in "biuf":
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        return "npy", buffer.getvalue()
    strings = array.tolist()
    if array.ndim != 1 or not all(isinstance(one, str) for one in strings):
        raise UsageError(f"A stage holds arrays of numbers and lists of strings; this one is {array.dtype}.")
    return "json", json.dumps(strings).encode()


def from_bytes(format: str, content: bytes) -> NDArray[Any]:
    """Gives the array back, read-only."""
    array: NDArray[Any]
    if format == "npy":
        array = np.load(io.BytesIO(content), allow_pickle=False)
    else:
        array = np.array(json.loads(content), dtype=np.str_)
    array.flags.writeable = False
    return array


def name_of(what: str, name: str) -> str:
    """Gives the name stripped and in Unicode's composed form; UsageError when it cannot be one."""
    name = unicodedata.normalize("NFC", name.strip())
    if not 1 <= len(name) <= MAX_NAME:
        raise UsageError(f"A {what} needs a name of 1 to {MAX_NAME} characters; this one has {len(name)}.")
    # Cs: half of a surrogate pair, which no database can encode.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise UsageError(f"The {what} name {name!r} holds control characters. Remove them.")
    return name


def note_of(note: str | None) -> str | None:
    """Gives the note, or None when it is empty; characters that no database holds become U+FFFD."""
    if note is None or not note.strip():
        return None
    if len(note) > MAX_NOTE:
        raise UsageError(f"A note may have {MAX_NOTE:,} characters; this one has {len(note):,}. Shorten it.")
    return UNSTORABLE.sub("\ufffd", note)


def seconds_of(seconds: float | None) -> float | None:
    """Gives the seconds; UsageError when they are not a length of time."""
    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        raise UsageError(f"{seconds} is not a number of seconds. Leave it out when it is not known.")
    return seconds

"""What one row of the pool is, and how its content is told apart from another's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from tyrogue.types import Text

HASH_BYTES = 16


@dataclass(frozen=True)
class Record:
    """A row of the pool with all that the user gave with it."""

    row: int
    id: str | None
    text: str
    text_pair: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    """The columns that are neither text nor label nor id."""
    gold: str | None = None
    """The label that came with the text."""

    @property
    def content(self) -> Text:
        """The text, or the pair of texts."""
        return self.text if self.text_pair is None else (self.text, self.text_pair)


class Entry(NamedTuple):
    """A row on its way into the pool."""

    id: str | None
    text: str
    text_pair: str | None
    meta: str | None
    """JSON."""
    gold: str | None
    tokens: int | None
    hash: bytes

    @property
    def content(self) -> Text:
        return self.text if self.text_pair is None else (self.text, self.text_pair)


def content_hash(text: str, text_pair: str | None = None) -> bytes:
    """Gives 16 bytes that are equal for equal texts only (blake2b).

    Raises:
        UnicodeEncodeError: the text holds half of a surrogate pair, which no file can hold; see `clean`.
    """
    # A clean text holds no NUL, so that it can part the two texts of a pair.
    content = text if text_pair is None else f"{text}\0{text_pair}"
    return blake2b(content.encode(), digest_size=HASH_BYTES).digest()


def clean(text: str) -> str:
    """Gives the text with what no database or tokenizer takes (NUL, half a surrogate pair) replaced by U+FFFD.

    Nothing else is touched: emoji, right-to-left marks, HTML and blanks stay as they are.
    """
    text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def dump_meta(meta: Mapping[str, Any]) -> str | None:
    """Gives the extra columns as JSON, None when there are none; NaN becomes null, dates become text."""
    if not meta:
        return None
    try:
        return clean(json.dumps(meta, ensure_ascii=False, default=str, allow_nan=False))
    except ValueError:
        return clean(json.dumps(_finite(meta), ensure_ascii=False, default=str))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value

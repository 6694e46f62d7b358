"""Texts to token ids, and token ids to batches without much padding."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tyrogue.errors import BadInput
from tyrogue.types import Text

# The truncation set in a fast tokenizer is state: two threads with different lengths would mix them up.
_LOCK = threading.RLock()

# No token is longer, on average over a text: what lies beyond max_length times this is cut before tokenizing,
# so that a text of megabytes costs no more than a long one.
_CHARACTERS_PER_TOKEN = 64


@dataclass(frozen=True)
class Tokens:
    """Token ids of some texts, with special tokens, cut to a maximum length, not padded."""

    ids: list[list[int]]
    types: list[list[int]] | None
    """Segment ids (0 first, 1 second text); None when the tokenizer has none."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.array([len(ids) for ids in self.ids], np.int64)


def is_pair(texts: Sequence[Text]) -> bool:
    """Whether these are pairs of texts; raises BadInput when they are mixed with single ones."""
    kinds = {isinstance(text, tuple) for text in texts}
    if len(kinds) > 1:
        raise BadInput("Single texts and pairs of texts are mixed.", remedy="Give every row a second text, or none.")
    return kinds == {True}


def tokenize(tokenizer: Any, texts: Sequence[Text], max_length: int) -> Tokens:
    """Gives the token ids of texts, or of pairs joined by the tokenizer's separator. Thread-safe."""
    if not len(texts):
        return Tokens([], None)
    limit = max_length * _CHARACTERS_PER_TOKEN
    encoded = _encode(tokenizer, texts, limit, truncation=True, max_length=max_length)
    # A tokenizer without special tokens gives nothing for an empty text; attention needs one token.
    blank = next(
        i for i in (tokenizer.unk_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id, 0) if i is not None
    )
    ids = [row or [blank] for row in encoded["input_ids"]]
    types = encoded.get("token_type_ids")
    return Tokens(ids, None if types is None else [row or [0] for row in types])


def token_lengths(tokenizer: Any, texts: Sequence[Text]) -> NDArray[np.int64]:
    """Gives the number of tokens of each text, special tokens counted, before any cut."""
    if not len(texts):
        return np.empty(0, np.int64)
    encoded = _encode(tokenizer, texts, None, truncation=False, return_token_type_ids=False)
    return np.array([len(ids) for ids in encoded["input_ids"]], np.int64)


def _encode(tokenizer: Any, texts: Sequence[Text], limit: int | None, **options: Any) -> dict[str, Any]:
    columns: Iterable[Any] = zip(*texts, strict=True) if is_pair(texts) else [texts]
    first, *second = [[_encodable(text[:limit]) for text in column] for column in columns]
    with _LOCK:
        encoded: dict[str, Any] = tokenizer(
            first, *second, padding=False, return_attention_mask=False, verbose=False, **options
        )
    return encoded


def _encodable(text: str) -> str:
    # Half a surrogate pair (a cut emoji) is a valid str that no tokenizer takes.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def batches(lengths: NDArray[np.int64], budget: int) -> list[NDArray[np.int64]]:
    """Gives positions in batches of at most `budget` padded tokens, longest texts first.

    Longest first, so that memory peaks at once and not in the last batch.
    """
    order = np.argsort(-lengths, kind="stable")
    groups, start = [], 0
    while start < len(order):
        size = max(1, budget // max(1, int(lengths[order[start]])))
        groups.append(order[start : start + size])
        start += size
    return groups


def pad(tokens: Tokens, positions: NDArray[np.int64], tokenizer: Any, device: torch.device) -> dict[str, torch.Tensor]:
    """Gives one batch as the tensors that a transformer takes, padded on the right to its longest text."""
    rows = [tokens.ids[i] for i in positions.tolist()]
    width = max(len(row) for row in rows)
    ids = np.full((len(rows), width), tokenizer.pad_token_id or 0, np.int64)
    mask = np.zeros((len(rows), width), np.int64)
    types = np.zeros((len(rows), width), np.int64)
    for i, (position, row) in enumerate(zip(positions.tolist(), rows, strict=True)):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
        if tokens.types is not None:
            types[i, : len(row)] = tokens.types[position]
    batch = {"input_ids": ids, "attention_mask": mask}
    if tokens.types is not None:
        batch["token_type_ids"] = types
    return {name: torch.from_numpy(array).to(device) for name, array in batch.items()}

"""Frozen sentence encoders and the on-disk cache of their embeddings.

The names are imported when they are first used: reading vectors from disk takes no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tyrogue.encoders.cache import CachedEncoder as CachedEncoder
    from tyrogue.encoders.language import MULTILINGUAL as MULTILINGUAL
    from tyrogue.encoders.language import unknown_script as unknown_script
    from tyrogue.encoders.sentence import SentenceEncoder as SentenceEncoder
    from tyrogue.encoders.sentence import open_encoder as open_encoder

_HOME = {
    "CachedEncoder": "cache",
    "MULTILINGUAL": "language",
    "unknown_script": "language",
    "SentenceEncoder": "sentence",
    "open_encoder": "sentence",
}

__all__ = ["MULTILINGUAL", "CachedEncoder", "SentenceEncoder", "open_encoder", "unknown_script"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)

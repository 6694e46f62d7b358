"""Frozen sentence encoders and the on-disk cache of their embeddings."""

from __future__ import annotations

from tyrogue.encoders.cache import CachedEncoder
from tyrogue.encoders.language import MULTILINGUAL, unknown_script
from tyrogue.encoders.sentence import SentenceEncoder, open_encoder

__all__ = ["MULTILINGUAL", "CachedEncoder", "SentenceEncoder", "open_encoder", "unknown_script"]

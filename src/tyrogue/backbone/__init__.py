"""Pre-trained transformers: where their weights come from, how texts become batches, on what they run.

What `encoders` (frozen) and `models` (fine-tuned) have in common; neither knows the other.
"""

from __future__ import annotations

from tyrogue.backbone.hardware import (
    autocast,
    choose_device,
    describe_device,
    dtype_of,
    free_threads,
    release_memory,
    use_free_threads,
)
from tyrogue.backbone.network import Backbone, load_backbone
from tyrogue.backbone.source import DEFAULT, DEFAULT_HUB_NAME, locate
from tyrogue.backbone.tokens import Tokens, batches, pad, token_lengths, tokenize

__all__ = [
    "DEFAULT",
    "DEFAULT_HUB_NAME",
    "Backbone",
    "Tokens",
    "autocast",
    "batches",
    "choose_device",
    "describe_device",
    "dtype_of",
    "free_threads",
    "load_backbone",
    "locate",
    "pad",
    "release_memory",
    "token_lengths",
    "tokenize",
    "use_free_threads",
]

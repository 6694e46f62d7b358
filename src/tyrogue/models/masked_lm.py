"""What a masked language model finds surprising in a text: the vectors of ALPS (Yuan et al., 2020)."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from tyrogue.backbone import Tokens, autocast, batches, locate, pad
from tyrogue.backbone.quiet import quiet_loading
from tyrogue.backbone.source import clear_errors
from tyrogue.types import Floats

SHARE = 0.15
"""Of the tokens whose loss is taken."""

_TOKEN_BUDGET = 1_024
"""Small: every token has a logit for every word of the vocabulary."""


@lru_cache(maxsize=1)
def load_masked_lm(name: str, device: str) -> Any | None:
    """Gives the pre-trained model with its masked-LM head; None when the checkpoint has no trained one."""
    from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer

    location = locate(name)
    with clear_errors(name), torch.random.fork_rng(devices=[]), quiet_loading():
        architectures = AutoConfig.from_pretrained(location).architectures or []
        if not any(a.endswith(("ForMaskedLM", "ForPreTraining")) for a in architectures):
            return None
        model, loading = AutoModelForMaskedLM.from_pretrained(location, dtype=torch.float32, output_loading_info=True)
        tokenizer = AutoTokenizer.from_pretrained(location)
    # Weights that the file lacks were drawn at random: a head of these would give noise.
    if any(not key.startswith(model.base_model_prefix + ".") for key in loading["missing_keys"]):
        return None
    model.tyrogue_tokenizer = tokenizer
    return model.to(device).eval()


def surprisal(model: Any, tokens: Tokens, width: int, *, dtype: torch.dtype, seed: int) -> Floats:
    """Gives (n, width) cross-entropies of the text's own tokens at 15% sampled positions, 0 elsewhere.

    The text is left unmasked, as in the published code. The sample depends on the text and the seed, not on
    the text's neighbours; special tokens are never in it, and it holds at least one token where there is one.
    """
    tokenizer, device = model.tyrogue_tokenizer, next(model.parameters()).device
    special = np.array(sorted(tokenizer.all_special_ids), np.int64)
    losses = np.zeros((len(tokens.ids), width), np.float32)
    with torch.inference_mode(), autocast(device, dtype):
        for positions in batches(tokens.lengths, _TOKEN_BUDGET):
            batch = pad(tokens, positions, tokenizer, device)
            logits = model(**batch).logits.float()
            each = F.cross_entropy(logits.transpose(1, 2), batch["input_ids"], reduction="none").cpu().numpy()
            for position, row in zip(positions.tolist(), each, strict=True):
                taken = sampled(np.array(tokens.ids[position], np.int64), special, seed)
                losses[position, taken] = row[taken]
    return losses


def sampled(ids: NDArray[np.int64], special: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Gives the sampled positions of one text, sorted."""
    candidates = np.flatnonzero(~np.isin(ids, special))
    rng = np.random.default_rng([seed, zlib.crc32(ids.tobytes())])
    count = max(1, round(SHARE * len(candidates))) if len(candidates) else 0
    return np.sort(rng.choice(candidates, count, replace=False)) if count else candidates

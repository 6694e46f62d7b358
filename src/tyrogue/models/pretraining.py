"""Pre-training that goes on: a checkpoint reads the pool before it sees a label (Gururangan et al., 2020)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tyrogue.backbone import Backbone, autocast, choose_device, dtype_of, load_backbone, pad, tokenize
from tyrogue.errors import BadInput
from tyrogue.models.masked_lm import SHARE
from tyrogue.models.optimizer import FUSED_ON, warmup_then_decay
from tyrogue.models.training import seeded, shuffled_batches
from tyrogue.types import Text

BATCH, LEARNING_RATE, WARMUP = 32, 1e-4, 0.1
MAX_LENGTH = 128
SPARED, REPLACED = 0.1, 0.1
"""Of the chosen tokens: left as they are, and replaced by any word; the others are masked (Devlin et al., 2019)."""


class MaskedHead(nn.Module):
    """Guesses masked words from their vectors, with the backbone's own table of word vectors.

    Sentence encoders are published without a head, so it starts afresh.
    """

    def __init__(self, words: nn.Parameter) -> None:
        super().__init__()
        self.words = words
        size, dimension = words.shape
        self.dense = nn.Linear(dimension, dimension)
        self.norm = nn.LayerNorm(dimension)
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, hidden: Tensor) -> Tensor:
        """Gives logits (n, words) of vectors (n, d)."""
        return F.linear(self.norm(F.gelu(self.dense(hidden))), self.words, self.bias)


def pretrained_on(
    texts: Sequence[Text], folder: Path, *, checkpoint: str, steps: int, seed: int = 0, device: str | None = None
) -> Path:
    """Writes a checkpoint that has read `texts` for so many steps of masked language modelling; gives `folder`.

    What is in `folder` already is taken as it is, and a half-written one is never found there.
    """
    if not folder.is_dir():
        target = choose_device(device)
        backbone = load_backbone(checkpoint, str(target)).clone()
        with seeded(seed, target):
            train(backbone, texts, steps=steps, seed=seed)
        _write(backbone, folder)
    return folder


def train(backbone: Backbone, texts: Sequence[Text], *, steps: int, seed: int) -> list[float]:
    """Trains a backbone in place by masked language modelling; gives the loss of each step.

    Raises:
        BadInput: its tokenizer has no word for "masked".
    """
    if backbone.tokenizer.mask_token_id is None:
        raise BadInput(f"The tokenizer of {backbone.name!r} has no mask token.", remedy="Leave pretrain_steps out.")
    device, rng = backbone.device, np.random.default_rng(seed)
    tokens = tokenize(backbone.tokenizer, texts, min(MAX_LENGTH, backbone.longest))
    words = backbone.words
    head = MaskedHead(words).to(device)
    parameters = [*backbone.requires_grad_(True).parameters(), *(p for p in head.parameters() if p is not words)]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, fused=device.type in FUSED_ON)
    order, losses, dtype = shuffled_batches(tokens.lengths, BATCH, rng), list[float](), dtype_of("auto", device)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * warmup_then_decay(step + 1, total=steps + 1, warmup=int(WARMUP * steps))
        batch = pad(tokens, next(order), backbone.tokenizer, device)
        chosen = masked(batch, backbone.tokenizer, rng)
        if not bool(chosen.any()):  # nothing but special tokens
            continue
        targets = batch["input_ids"][chosen]
        seen = {**batch, "input_ids": corrupted(batch["input_ids"], chosen, backbone.tokenizer, len(words), rng)}
        with autocast(device, dtype):
            logits = head(backbone.transformer(**seen).last_hidden_state[chosen])
        loss = F.cross_entropy(logits.float(), targets)
        losses.append(float(loss.detach()))
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    backbone.requires_grad_(False).eval()
    return losses


def masked(batch: dict[str, Tensor], tokenizer: Any, rng: Generator) -> Tensor:
    """Gives which tokens (n, length) are to be guessed: 15% of those that are neither special nor padding."""
    ids, mask = batch["input_ids"].cpu().numpy(), batch["attention_mask"].cpu().numpy()
    candidates = (mask == 1) & ~np.isin(ids, tokenizer.all_special_ids)
    return torch.from_numpy(candidates & (rng.random(ids.shape) < SHARE)).to(batch["input_ids"].device)


def corrupted(ids: Tensor, chosen: Tensor, tokenizer: Any, words: int, rng: Generator) -> Tensor:
    """Gives token ids (n, length) in which the chosen ones are masked, replaced by any word, or left."""
    result: NDArray[np.int64] = ids.cpu().numpy().copy()
    rows, columns = np.nonzero(chosen.cpu().numpy())
    kind = rng.random(len(rows))
    hidden, replaced = kind >= SPARED + REPLACED, (kind >= SPARED) & (kind < SPARED + REPLACED)
    result[rows[hidden], columns[hidden]] = tokenizer.mask_token_id
    result[rows[replaced], columns[replaced]] = rng.integers(0, words, int(replaced.sum()))
    return torch.from_numpy(result).to(ids.device)


def _write(backbone: Backbone, folder: Path) -> None:
    half = folder.with_name(f"{folder.name}.{uuid4().hex}.part")
    backbone.transformer.save_pretrained(half)
    backbone.tokenizer.save_pretrained(half)
    (half / "1_Pooling").mkdir()
    (half / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": backbone.pooling}), encoding="utf-8")
    try:
        half.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(half)

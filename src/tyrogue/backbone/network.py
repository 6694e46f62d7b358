"""A pre-trained transformer with the pooling that its checkpoint declares."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tyrogue.backbone.attention import use_fast_attention
from tyrogue.backbone.quiet import quiet_loading
from tyrogue.backbone.source import clear_errors, locate
from tyrogue.errors import BadInput

Pooling = Literal["mean", "cls", "max", "lasttoken", "pooler"]

_LEGACY = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "lasttoken",
}


class Backbone(nn.Module):
    """Token ids to features (n, dimension).

    Pooled vectors are standardised (mean 0, variance 1 over the dimensions, no weights): a linear head on them
    can be written into a stock architecture, and it sees the same scale in every checkpoint. The output of a
    pre-trained pooler is taken as it is.

    Attributes:
        transformer: the Hugging Face encoder.
        tokenizer: its tokenizer.
        pooling: how token vectors become one.
        name: the checkpoint, as it was asked for.
        longest: most tokens that the checkpoint takes.
    """

    def __init__(self, transformer: Any, tokenizer: Any, pooling: Pooling, *, name: str, longest: int) -> None:
        super().__init__()
        self.transformer, self.tokenizer, self.pooling = transformer, tokenizer, pooling
        self.name, self.longest = name, longest

    @property
    def dimension(self) -> int:
        return int(self.transformer.config.hidden_size)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def layers(self) -> nn.ModuleList:
        """The transformer's layers, lowest first."""
        lists = [m for m in self.transformer.modules() if isinstance(m, nn.ModuleList)]
        return max(lists, key=lambda m: sum(p.numel() for p in m.parameters()), default=nn.ModuleList())

    @property
    def above(self) -> list[nn.Module]:
        """What comes after the layers and belongs to the features: a pre-trained pooler, a last normalisation."""
        names = ("pooler", "final_norm", "layer_norm", "norm") if self.pooling == "pooler" else ("final_norm", "norm")
        found = (getattr(self.transformer, name, None) for name in names)
        return [module for module in found if isinstance(module, nn.Module)]

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        output = self.transformer(**batch)
        if self.pooling == "pooler":
            pooled: Tensor = output.pooler_output.float()
            return pooled
        return standardise(pool(output.last_hidden_state.float(), batch["attention_mask"], self.pooling))

    @property
    def words(self) -> nn.Parameter:
        """The table of word vectors: half of a small model's weights."""
        table: nn.Parameter = self.transformer.get_input_embeddings().weight
        return table

    def clone(self, *, shared: Iterable[nn.Parameter] = ()) -> Backbone:
        """Gives a copy with weights of its own, but for those that are `shared`; the tokenizer is shared too."""
        transformer = copy.deepcopy(self.transformer, {id(weight): weight for weight in shared})
        return Backbone(transformer, self.tokenizer, self.pooling, name=self.name, longest=self.longest)


def standardise(vectors: Tensor) -> Tensor:
    """Gives vectors (n, d) with mean 0 and variance 1 over their dimensions; the same for any scale of them."""
    return F.layer_norm(vectors, vectors.shape[-1:], eps=1e-12)


def pool(hidden: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """Gives one vector (n, d) for each text of token vectors (n, length, d), padding left out."""
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "lasttoken":
        return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(1) - 1]
    weight = mask.unsqueeze(-1).to(hidden.dtype)
    if pooling == "max":
        return hidden.masked_fill(weight == 0, torch.finfo(hidden.dtype).min).amax(1)
    return (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)


@lru_cache(maxsize=2)
def load_backbone(name: str, device: str = "cpu") -> Backbone:
    """Gives the pre-trained backbone of a checkpoint, loaded once in a process: clone it before training.

    Raises:
        CorruptModel, BadInput: see `locate`; also when the checkpoint cannot be loaded.
    """
    from transformers import AutoModel, AutoTokenizer

    location = locate(name)
    with clear_errors(name), torch.random.fork_rng(devices=[]), quiet_loading():
        torch.default_generator.manual_seed(0)  # weights that the checkpoint lacks (a pooler) are drawn here
        tokenizer = AutoTokenizer.from_pretrained(location)
        transformer = AutoModel.from_pretrained(location, dtype=torch.float32)
        declared = declared_pooling(location)
    if transformer.config.is_encoder_decoder:
        raise BadInput(f"{name!r} is an encoder-decoder.", remedy="Choose an encoder, such as bert-base-cased.")
    use_fast_attention(transformer)
    pooling = declared or ("pooler" if getattr(transformer, "pooler", None) is not None else "cls")
    network = Backbone(transformer, tokenizer, pooling, name=name, longest=longest_input(tokenizer, transformer))
    return network.to(device).eval()


def longest_input(tokenizer: Any, transformer: Any) -> int:
    """Gives the most tokens that the tokenizer, if any, and the position table allow (512 where neither says)."""
    positions = getattr(transformer.config, "max_position_embeddings", None) or 10**9
    # RoBERTa counts its positions from the padding index on.
    offset = (getattr(transformer.config, "pad_token_id", 0) or 0) + 1
    if getattr(transformer.config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
        positions -= offset
    longest = min(int(positions), 10**9 if tokenizer is None else int(tokenizer.model_max_length))
    return longest if longest < 100_000 else 512


def declared_pooling(location: str) -> Pooling | None:
    """Gives the pooling in the checkpoint's 1_Pooling/config.json; None when it has none."""
    from transformers.utils import cached_file

    path = cached_file(
        location,
        "1_Pooling/config.json",
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    if path is None:
        return None
    with open(path, encoding="utf-8") as file:
        return pooling_of(json.load(file))


def pooling_of(config: dict[str, Any]) -> Pooling:
    """Gives the pooling that a sentence-transformers config names, in its old or its new form."""
    modes = config.get("pooling_mode") or [mode for key, mode in _LEGACY.items() if config.get(key)]
    mode = modes if isinstance(modes, str) else modes[0] if len(modes) == 1 else "+".join(modes)
    if mode not in ("mean", "cls", "max", "lasttoken"):
        raise BadInput(
            f"The checkpoint pools by {mode or 'an unknown rule'}.",
            remedy="Fine-tuning knows mean, cls, max and lasttoken; use --model linear with this checkpoint.",
        )
    return mode  # type: ignore[return-value]

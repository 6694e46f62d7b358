"""A backbone with a linear head."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tyrogue.backbone import Backbone, Tokens, autocast, batches, pad
from tyrogue.backbone.hardware import token_budget
from tyrogue.types import Floats


class Network(nn.Module):
    """Features of a backbone, and their logits.

    Args:
        backbone: gives the features.
        n_classes: columns of the head.
    """

    def __init__(self, backbone: Backbone, n_classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(backbone.dimension, n_classes).to(backbone.device)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    @property
    def tokenizer(self) -> Any:
        return self.backbone.tokenizer

    @property
    def device(self) -> torch.device:
        return self.head.weight.device

    def set_head(self, weight: NDArray[Any], bias: NDArray[Any]) -> None:
        """Puts these weights (C, d) and biases (C,) into the head."""
        with torch.no_grad():
            self.head.weight.copy_(torch.as_tensor(np.asarray(weight, np.float32)))
            self.head.bias.copy_(torch.as_tensor(np.asarray(bias, np.float32)))


def features_of(backbone: Backbone, tokens: Tokens, dtype: torch.dtype) -> Floats:
    """Gives the features (n, d) of all texts, in batches of like length, in their order."""
    features = np.empty((len(tokens.ids), backbone.dimension), np.float32)
    with torch.inference_mode(), autocast(backbone.device, dtype):
        for positions in batches(tokens.lengths, token_budget(backbone.device)):
            batch = pad(tokens, positions, backbone.tokenizer, backbone.device)
            features[positions] = backbone(batch).float().cpu().numpy()
    return features

"""A start for fine-tuning: texts of one class are pulled together, those of different classes apart."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.1


def contrastive_loss(features: Tensor, labels: Tensor) -> Tensor:
    """Gives the supervised contrastive loss of a batch (Khosla et al., 2020, equation 2): scalar.

    Each text that has a companion of its class in the batch is an anchor; 0 when none has one.

    Args:
        features: (n, d); their directions count.
        labels: (n,).
    """
    z = F.normalize(features.float(), dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (z @ z.T / TEMPERATURE).masked_fill(itself, float("-inf"))
    likely = F.log_softmax(logits, dim=1).masked_fill(itself, 0.0)
    alike = (labels[:, None] == labels[None, :]) & ~itself
    companions = alike.sum(1)
    anchors = companions > 0
    if not bool(anchors.any()):
        return features.sum() * 0.0
    return -((likely * alike).sum(1)[anchors] / companions[anchors]).mean()

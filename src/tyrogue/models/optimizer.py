"""Which weights are trained, and how fast."""

from __future__ import annotations

import torch
from torch import nn

from tyrogue.models.adapters import adapt
from tyrogue.models.network import Network
from tyrogue.models.recipes import Recipe

FUSED_ON = ("cpu", "cuda")
"""Devices on which torch has AdamW in one kernel."""


def freeze(network: Network, recipe: Recipe) -> None:
    """Leaves only those weights trainable that the recipe trains."""
    network.requires_grad_(True)
    backbone, layers = network.backbone, list(network.backbone.layers)
    if recipe.top_layers is not None:
        backbone.requires_grad_(False)
        for module in [*layers[max(0, len(layers) - recipe.top_layers) :], *backbone.above]:
            module.requires_grad_(True)
    if recipe.freeze_embeddings:
        backbone.words.requires_grad_(False)
    if recipe.lora_rank:
        adapt(network, recipe.lora_rank)


def learning_rates(network: Network, recipe: Recipe) -> list[tuple[nn.Parameter, float]]:
    """Gives each trained parameter with its peak learning rate: lower layers learn more slowly."""
    layers = list(network.backbone.layers)
    depth = {id(p): i + 1 for i, layer in enumerate(layers) for p in layer.parameters()}
    depth |= {id(p): len(layers) for module in network.backbone.above for p in module.parameters()}
    head = {id(p) for p in network.head.parameters()}

    def rate(p: nn.Parameter) -> float:
        if id(p) in head:
            return recipe.lr if recipe.head_lr is None else recipe.head_lr
        return recipe.lr * recipe.layer_decay ** (len(layers) - depth.get(id(p), 0))  # embeddings: layer 0

    return [(p, rate(p)) for p in network.parameters() if p.requires_grad]


def adamw(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    """Gives a fresh AdamW over what is trained; weight decay on matrices only."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for p, lr in learning_rates(network, recipe):
        groups.setdefault((lr, recipe.weight_decay if p.ndim > 1 else 0.0), []).append(p)
    return torch.optim.AdamW(
        [{"params": params, "lr": lr, "weight_decay": decay} for (lr, decay), params in groups.items()],
        eps=recipe.epsilon,
        fused=network.device.type in FUSED_ON,
    )


def warmup_then_decay(step: int, *, total: int, warmup: int) -> float:
    """Gives the share of the peak learning rate at a step: up in a line, then down to 0 in a line."""
    if step < warmup:
        return step / warmup
    return max(0.0, (total - step) / max(1, total - warmup))

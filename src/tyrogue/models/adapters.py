"""Low-rank adapters: layers learn a small difference instead of all their weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from tyrogue.models.network import Network

SCALE = 2.0
"""Of the difference (Hu et al.'s alpha / rank)."""


class LowRank(nn.Module):
    """A weight (out, in) plus a product of rank r, which starts at zero."""

    def __init__(self, rows: int, columns: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, columns))
        self.up = nn.Parameter(torch.zeros(rows, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + SCALE * (self.up @ self.down)


def adapted(network: Network) -> list[nn.Linear]:
    """Gives the layers that adapters go to: every matrix product of the transformer's layers."""
    return [m for layer in network.backbone.layers for m in layer.modules() if isinstance(m, nn.Linear)]


def adapt(network: Network, rank: int) -> None:
    """Puts adapters into the network and leaves only them and the head trainable (Hu et al., 2022)."""
    network.requires_grad_(False)
    network.head.requires_grad_(True)
    for linear in adapted(network):
        rows, columns = linear.weight.shape
        difference = LowRank(rows, columns, min(rank, rows, columns)).to(linear.weight.device)
        parametrize.register_parametrization(linear, "weight", difference)  # the weight itself stays frozen


def merge(network: Network) -> None:
    """Adds what the adapters have learned to the weights and takes them out: the architecture is the stock one."""
    for linear in adapted(network):
        if parametrize.is_parametrized(linear, "weight"):
            parametrize.remove_parametrizations(linear, "weight", leave_parametrized=True)

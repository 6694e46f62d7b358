"""One fit of a network: batches, steps, when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tyrogue.backbone import Tokens, autocast, pad
from tyrogue.errors import FitStopped, NonFinite
from tyrogue.models.adapters import merge
from tyrogue.models.contrastive import contrastive_loss
from tyrogue.models.network import Network
from tyrogue.models.optimizer import adamw, freeze, warmup_then_decay
from tyrogue.models.recipes import Recipe
from tyrogue.types import Labels

Progress = Callable[[int, int, float], None]
Stop = Callable[[], bool]

_SORTED_TOGETHER = 8
"""Batches whose texts are sorted by length together: less padding, still random enough."""

_BEFORE_STOPPING = 0.3
"""Share of the steps before a low loss may end the fit: a head that fits from the start has taught nothing yet."""


@dataclass(frozen=True)
class Trained:
    """What a training did."""

    steps: int
    loss: float
    """Mean of the last pass."""
    early: bool
    """Whether it ended because the loss was low enough."""


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seeds torch's generators inside, and puts back what they were."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


class Training:
    """Trains a network in place.

    Args:
        network: what is trained; half-trained when `run` raises, so give a copy.
        tokens: of the labeled texts.
        labels: (n,).
        recipe: how.
        seed: of the order of the texts.
        dtype: of matrix products.
    """

    def __init__(
        self, network: Network, tokens: Tokens, labels: Labels, recipe: Recipe, *, seed: int, dtype: torch.dtype
    ) -> None:
        self.network, self.tokens, self.recipe, self.dtype = network, tokens, recipe, dtype
        self.total = recipe.steps(len(labels))
        self.per_pass = math.ceil(len(labels) / recipe.batch)
        self._targets = torch.from_numpy(labels).to(network.device)
        self._weights = class_weights(self._targets, network.head.out_features) if recipe.class_weights else None
        self._order = shuffled_batches(tokens.lengths, recipe.batch, np.random.default_rng(seed))
        freeze(network, recipe)
        self._optimizer = adamw(network, recipe)
        factor = partial(warmup_then_decay, total=self.total, warmup=recipe.warmup_steps(len(labels)))
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, factor)
        self._parameters = [p for p in network.parameters() if p.requires_grad]

    def run(self, progress: Progress | None = None, stop: Stop | None = None) -> Trained:
        """Trains to the end, or until the loss is low enough.

        Raises:
            NonFinite: the loss became NaN or infinite.
            FitStopped: `stop` said so.
        """
        losses: list[float] = []
        set_dropout(self.network, self.recipe.dropout)
        self.network.train(self.recipe.dropout > 0)
        while len(losses) < self.total and not self._enough(losses):
            if stop is not None and stop():
                raise FitStopped(f"Training was stopped after {len(losses)} of {self.total} steps.")
            losses.append(self._step(next(self._order)))
            if progress is not None:
                progress(len(losses), self.total, losses[-1])
        self.network.eval()
        merge(self.network)
        loss = float(np.mean(losses[-self.per_pass :])) if losses else 0.0
        return Trained(len(losses), loss, len(losses) < self.total)

    def _enough(self, losses: list[float]) -> bool:
        done, least = len(losses), self.recipe.stop_loss
        if least is None or not done or done % self.per_pass or done < _BEFORE_STOPPING * self.total:
            return False
        return float(np.mean(losses[-self.per_pass :])) < least

    def _step(self, positions: NDArray[np.int64]) -> float:
        network, recipe = self.network, self.recipe
        with autocast(network.device, self.dtype):
            features = network.backbone(pad(self.tokens, positions, network.tokenizer, network.device))
        loss = self._loss(features, self._targets[torch.from_numpy(positions).to(network.device)])
        value = float(loss.detach())
        if not math.isfinite(value):
            raise NonFinite(
                f"The training loss became {value} at learning rate {recipe.lr}. The model before it is still in use. "
                "Train with a smaller learning rate or in float32."
            )
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self._parameters, recipe.clip)
        self._optimizer.step()
        self._schedule.step()
        self._optimizer.zero_grad()
        return value

    def _loss(self, features: Tensor, targets: Tensor) -> Tensor:
        network, recipe = self.network, self.recipe
        logits = network.head(F.dropout(features, recipe.dropout, network.training))
        return F.cross_entropy(logits, targets, self._weights, label_smoothing=recipe.label_smoothing)


class ContrastiveTraining(Training):
    """Trains the backbone of a network so that texts of one class have like features; the head is left alone."""

    def __init__(
        self, network: Network, tokens: Tokens, labels: Labels, recipe: Recipe, *, seed: int, dtype: torch.dtype
    ) -> None:
        steps = recipe.contrastive_steps
        first = replace(recipe, epochs=1e-9, min_steps=steps, max_steps=steps, stop_loss=None, batch=2 * recipe.batch)
        super().__init__(network, tokens, labels, first, seed=seed, dtype=dtype)

    def _loss(self, features: Tensor, targets: Tensor) -> Tensor:
        return contrastive_loss(features, targets)


def class_weights(labels: Tensor, n_classes: int) -> Tensor:
    """Gives (C,) weights of one over the square root of each class's number of labels; 1 on average over the labels."""
    weights = torch.bincount(labels, minlength=n_classes).clamp(min=1).float().rsqrt()
    return weights / weights[labels].mean()


def shuffled_batches(lengths: NDArray[np.int64], size: int, rng: Generator) -> Iterator[NDArray[np.int64]]:
    """Gives batches of positions without end: pass after pass over all texts, like lengths together."""
    while True:
        order, batches = rng.permutation(len(lengths)), list[NDArray[np.int64]]()
        for start in range(0, len(order), size * _SORTED_TOGETHER):
            group = order[start : start + size * _SORTED_TOGETHER]
            group = group[np.argsort(-lengths[group], kind="stable")]
            batches += [group[i : i + size] for i in range(0, len(group), size)]
        for i in rng.permutation(len(batches)):
            yield batches[int(i)]


def set_dropout(module: nn.Module, p: float) -> None:
    """Sets every dropout probability of a network, those that attention reads from an attribute too."""
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = p
        for name in ("attention_dropout", "dropout_prob"):
            if isinstance(getattr(part, name, None), float):
                setattr(part, name, p)

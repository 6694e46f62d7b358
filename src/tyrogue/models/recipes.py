"""How a transformer is fine-tuned: named presets, cheap to vary with `dataclasses.replace`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tyrogue.backbone.hardware import Precision
from tyrogue.errors import UnknownName, UsageError


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of fine-tuning.

    Attributes:
        epochs: passes over the labels.
        min_steps: optimiser steps at least, however few the labels: 50 labels make 12 steps in 3 epochs.
        max_steps: optimiser steps at most; 0 trains the head alone, by `head_first`.
        stop_loss: ends when the mean training loss of a pass is below it; None never does.
        batch: texts in an optimiser step.
        lr: of the transformer's top layer.
        head_lr: of the head; `lr` when None.
        layer_decay: each layer below has this times the learning rate.
        warmup: share of the steps with a rising rate; then it falls linearly to 0.
        weight_decay: AdamW's, on matrices.
        epsilon: AdamW's.
        clip: largest norm of the gradient.
        dropout: everywhere that the architecture has it; 0 turns it off.
        label_smoothing: of the cross-entropy.
        class_weights: weighs classes in the loss by one over the square root of their number of labels.
        contrastive_steps: so many steps of supervised contrastive learning come first (Khosla et al., 2020; the idea of
            SetFit, without its pairs).
        lora_rank: trains adapters of this rank instead of the layers' weights (Hu et al., 2022); 0 trains the weights.
        freeze_embeddings: leaves the table of word vectors as it was (half of a small model's weights).
        top_layers: how many layers are trained, counted from the top; None trains all.
        head_first: starts the head from logistic regression on the pre-trained features (Kumar et al., 2022),
            else from small random numbers.
        head_c: of that logistic regression, one over the strength of its penalty.
        continues: meant to go on from the model of the round before (the paper), not to start afresh.
        max_length: most tokens of a text that are read.
        precision: of matrix products, in training and after.
    """

    epochs: float = 3.0
    min_steps: int = 0
    max_steps: int | None = None
    stop_loss: float | None = None
    batch: int = 16
    lr: float = 2e-5
    head_lr: float | None = None
    layer_decay: float = 1.0
    warmup: float = 0.1
    weight_decay: float = 0.0
    epsilon: float = 1e-8
    clip: float = 1.0
    dropout: float = 0.1
    label_smoothing: float = 0.0
    class_weights: bool = False
    contrastive_steps: int = 0
    lora_rank: int = 0
    freeze_embeddings: bool = False
    top_layers: int | None = None
    head_first: bool = False
    head_c: float = 10.0
    continues: bool = False
    max_length: int = 128
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        if self.epochs <= 0 or self.batch < 1 or self.lr <= 0 or self.max_length < 2:
            raise UsageError(f"epochs, batch, lr and max_length of {self} must be positive.")
        if not (0 <= self.dropout < 1 and 0 <= self.warmup <= 1 and 0 <= self.label_smoothing < 1):
            raise UsageError(f"dropout, warmup and label_smoothing of {self} must be shares.")
        if self.head_c <= 0:
            raise UsageError(f"head_c of {self} must be positive.")
        if self.contrastive_steps < 0 or self.lora_rank < 0:
            raise UsageError(f"contrastive_steps and lora_rank of {self} cannot be negative.")

    def steps(self, labels: int) -> int:
        """Gives the number of optimiser steps for that many labels."""
        steps = max(math.ceil(math.ceil(labels / self.batch) * self.epochs), self.min_steps)
        return steps if self.max_steps is None else min(steps, self.max_steps)

    def warmup_steps(self, labels: int) -> int:
        """Gives how many of the steps have a rising rate; rounded down as the paper's code does."""
        exact = labels / self.batch * self.epochs
        return int((self.steps(labels) if exact < self.min_steps else exact) * self.warmup)


RECIPES: dict[str, Recipe] = {
    # Maekawa et al. (2022), appendix: no validation, the same model goes on from round to round.
    "paper": Recipe(continues=True, precision="float32"),
    # Head first, then everything: enough steps however few the labels are.
    "finetune": Recipe(
        epochs=4,
        min_steps=150,
        stop_loss=0.02,
        lr=1e-4,
        head_lr=1e-3,
        layer_decay=0.9,
        dropout=0.0,
        freeze_embeddings=True,
        head_first=True,
    ),
}
# As good as anything tried on the same labels, and the cheapest of these (docs/results.md): a head without opinions,
# and no more steps than it takes.
RECIPES["product"] = replace(RECIPES["finetune"], min_steps=50, head_first=False)


def recipe_of(recipe: str | Recipe) -> Recipe:
    """Gives the recipe of this name, or the recipe itself; UnknownName."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise UnknownName("recipe", recipe, RECIPES)
    return RECIPES[recipe]

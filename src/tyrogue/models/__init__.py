"""Classifiers: a logistic head on frozen embeddings, and a fine-tuned transformer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tyrogue.errors import CorruptModel, UnknownName, UsageError
from tyrogue.models import storage
from tyrogue.models.linear import LinearClassifier
from tyrogue.models.recipes import RECIPES, Recipe, recipe_of
from tyrogue.models.training import Progress, Stop
from tyrogue.models.transformer import TransformerClassifier
from tyrogue.protocols import Classifier
from tyrogue.view import Embedder

MODELS: dict[str, Callable[..., Classifier]] = {
    "linear": LinearClassifier,
    "transformer": TransformerClassifier,
}

__all__ = [
    "MODELS",
    "RECIPES",
    "LinearClassifier",
    "Recipe",
    "TransformerClassifier",
    "create",
    "load",
    "recipe_of",
]


def create(
    name: str,
    *,
    n_classes: int,
    embedder: Embedder | None = None,
    checkpoint: str = "default",
    recipe: str | Recipe = "product",
    device: str | None = None,
    max_length: int | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
    **options: Any,
) -> Classifier:
    """Gives a model that has seen no labels yet.

    Args:
        name: one of `MODELS`.
        n_classes: columns of its head.
        embedder: what `linear` embeds texts with that come from outside.
        checkpoint, recipe, device, max_length, progress, stop: of `transformer`; see there.
        options: further arguments of the model.

    Raises:
        UnknownName: no such model or recipe.
        UsageError: an option that the model does not have.
    """
    recipe = recipe_of(recipe)
    try:
        if name == "linear":
            return LinearClassifier(n_classes, embedder, **options)
        if name == "transformer":
            return TransformerClassifier(
                n_classes,
                checkpoint,
                recipe,
                device=device,
                max_length=max_length,
                progress=progress,
                stop=stop,
                **options,
            )
    except TypeError as error:
        raise UsageError(f"The model {name!r} does not take these options: {error}.") from error
    raise UnknownName("model", name, MODELS)


def load(path: Path, *, embedder: Embedder | None = None, device: str | None = None) -> Classifier:
    """Gives a saved model, with the same version and the same answers.

    Raises:
        CorruptModel: a file is missing, cut or altered.
    """
    facts, tensors = storage.read(path)
    if facts["kind"] == "linear":
        return LinearClassifier.restore(facts, tensors, embedder)
    if facts["kind"] == "transformer":
        return TransformerClassifier.restore(path, facts, tensors, device)
    raise CorruptModel(f"{path} holds a model of an unknown kind, {facts['kind']!r}. Known: {', '.join(MODELS)}.")

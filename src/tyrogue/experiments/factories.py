"""Models for experiments, from the names and settings that a grid or a command gives."""

from __future__ import annotations

from typing import Any

from tyrogue import models
from tyrogue.errors import UnknownName
from tyrogue.experiments.data import Task
from tyrogue.experiments.grid import ModelEntry
from tyrogue.protocols import Classifier
from tyrogue.view import Embedder


def entry_of(model: str, recipe: str | None = None, settings: dict[str, Any] | None = None) -> ModelEntry:
    """Gives the entry of a model by name; any other name means weights for the transformer.

    Raises:
        UnknownName: no such recipe.
    """
    settings = dict(settings or {})
    name, checkpoint = (model, settings.pop("checkpoint", None)) if model in models.MODELS else ("transformer", model)
    entry = ModelEntry(name, checkpoint, recipe, set=settings)
    check_model(entry)
    return entry


def check_model(entry: ModelEntry) -> None:
    """Raises UnknownName when there is no such model or recipe."""
    if entry.name not in models.MODELS:
        raise UnknownName("model", entry.name, models.MODELS)
    if entry.recipe is not None and entry.recipe not in models.RECIPES:
        raise UnknownName("recipe", entry.recipe, models.RECIPES)


def make_model(entry: ModelEntry, task: Task, embedder: Embedder) -> Classifier:
    """Gives a fresh model for a task."""
    named: dict[str, Any] = {"checkpoint": entry.checkpoint, "recipe": entry.recipe}
    given = {name: value for name, value in named.items() if value is not None}
    options: dict[str, Any] = {**given, **entry.set}
    return models.create(entry.name, n_classes=task.n_classes, embedder=embedder, **options)


def continues(entry: ModelEntry) -> bool:
    """Gives whether each round goes on training the last round's model: as the entry says, else as its recipe does."""
    if entry.continue_training is not None:
        return entry.continue_training
    return entry.name == "transformer" and entry.recipe is not None and models.RECIPES[entry.recipe].continues

"""Models for experiments, from the names and settings that a grid or a command gives."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from tyrogue import models
from tyrogue.errors import UnknownName, UsageError
from tyrogue.experiments.data import Task
from tyrogue.experiments.grid import ModelEntry
from tyrogue.experiments.selftraining import SelfTrained
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
    if entry.acquired_by is not None and entry.acquired_by not in models.MODELS:
        raise UnknownName("model", entry.acquired_by, models.MODELS)
    if entry.recipe is not None and entry.recipe not in models.RECIPES:
        raise UnknownName("recipe", entry.recipe, models.RECIPES)
    if entry.pretrain_steps is not None and (entry.name != "transformer" or entry.pretrain_steps < 1):
        raise UsageError(f"pretrain_steps = {entry.pretrain_steps} is for a transformer, and at least 1.")
    _options(entry)


def make_model(entry: ModelEntry, task: Task, embedder: Embedder, cache: Path | None = None) -> Classifier:
    """Gives a fresh model for a task; `cache` keeps weights that have read its pool, where the entry wants them."""
    if entry.pretrain_steps is not None:
        entry = replace(entry, checkpoint=_pretrained(entry, task, cache), pretrain_steps=None)

    def make() -> Classifier:
        return models.create(entry.name, n_classes=task.n_classes, embedder=embedder, **_options(entry))

    return SelfTrained(make, task.train_inputs(embedder)) if entry.self_training else make()


def _pretrained(entry: ModelEntry, task: Task, cache: Path | None) -> str:
    from tyrogue.models.pretraining import pretrained_on

    if cache is None or entry.pretrain_steps is None:
        raise UsageError("pretrain_steps needs a cache, which only `tyrogue bench` has.")
    checkpoint = str(_options(entry).get("checkpoint", "default"))
    decisive = hashlib.sha256(f"{task.digest()} {checkpoint}".encode()).hexdigest()[:16]
    folder = cache / f"{task.name}-{decisive}-{entry.pretrain_steps}"
    return str(pretrained_on(task.train.texts, folder, checkpoint=checkpoint, steps=entry.pretrain_steps))


def _options(entry: ModelEntry) -> dict[str, Any]:
    """Gives what an entry sets of its model; a transformer's settings may be those of its recipe."""
    named: dict[str, Any] = {"checkpoint": entry.checkpoint, "recipe": entry.recipe}
    options = {name: value for name, value in named.items() if value is not None} | dict(entry.set)
    if entry.name == "transformer":
        own = {f.name for f in fields(models.Recipe)} - {"max_length"}
        if changes := {name: options.pop(name) for name in own & set(options)}:
            options["recipe"] = replace(models.recipe_of(options.get("recipe", "product")), **changes)
    return options


def weights_of(entry: ModelEntry) -> str | None:
    """Gives the checkpoint of a transformer; None for other models."""
    return str(_options(entry).get("checkpoint", "default")) if entry.name == "transformer" else None


def trained_by(entry: ModelEntry) -> dict[str, Any]:
    """Gives what a transformer's recipe says, for the record: a preset's name may come to mean something else."""
    if entry.name != "transformer":
        return {}
    return {"hyperparameters": asdict(models.recipe_of(_options(entry).get("recipe", "product")))}


def continues(entry: ModelEntry) -> bool:
    """Gives whether each round goes on training the last round's model: as the entry says, else as its recipe does."""
    if entry.continue_training is not None:
        return entry.continue_training
    if entry.name != "transformer":
        return False
    return bool(models.recipe_of(_options(entry).get("recipe", "product")).continues)

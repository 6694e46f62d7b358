"""Single simulations and replays, from what a command line gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from tyrogue import encoders
from tyrogue.corpus.project import Project, is_project
from tyrogue.corpus.reading import read_records
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.errors import UsageError
from tyrogue.experiments import plugins
from tyrogue.experiments.data import Task
from tyrogue.experiments.embeddings import Precomputed
from tyrogue.experiments.factories import continues, entry_of, make_model
from tyrogue.experiments.files import read_task, write_task
from tyrogue.experiments.grid import ModelEntry, setting
from tyrogue.experiments.replay import LabeledText, Replay, replay, split
from tyrogue.experiments.simulate import Round, Run, Start, simulate
from tyrogue.protocols import Strategy
from tyrogue.types import Rows, Text
from tyrogue.view import Embedder, Mode


@dataclass(frozen=True)
class Prepared:
    """A simulation that is ready to run."""

    task: Task
    strategy: Strategy
    entry: ModelEntry
    embedder: Embedder
    mode: Mode
    start: Start
    description: dict[str, Any]

    def run(self, *, batch: int, budget: int, seed: int, on_round: Callable[[Round], None]) -> Run:
        """Runs it."""
        return simulate(
            self.task,
            self.strategy,
            lambda: make_model(self.entry, self.task, self.embedder),
            self.embedder,
            batch=batch,
            budget=budget,
            seed=seed,
            start=self.start,
            mode=self.mode,
            continue_training=continues(self.entry),
            on_round=on_round,
        )


def prepare(
    train: Path,
    test: Path,
    *,
    strategy: str,
    model: str,
    recipe: str | None,
    mode: str,
    start: str,
    encoder: str,
    settings: Sequence[str],
) -> Prepared:
    """Checks all that was asked for, cheapest first, and reads the files.

    Raises:
        UsageError: something that was asked for cannot be, or a file is not what it should be.
    """
    chosen_mode, chosen_start = _one_of("--mode", mode, Mode), _one_of("--start", start, Start)
    of_strategy, of_model = split_settings(settings, strategy)
    made = plugins.strategy(strategy, of_strategy)
    entry = entry_of(model, recipe, of_model)
    task = read_task(train, test)
    embedder = CachedEncoder(encoders.open_encoder(encoder), None, len(task.train) + len(task.test))
    described = {
        "train": {"file": str(train), "rows": len(task.train)},
        "test": {"file": str(test), "rows": len(task.test)},
        "classes": list(task.classes),
        "strategy": strategy,
        "parameters": plugins.fields_of(made),
        "model": {"name": entry.name, "checkpoint": entry.checkpoint, "recipe": entry.recipe, **entry.set},
        "mode": chosen_mode,
        "start": chosen_start,
    }
    return Prepared(task, made, entry, embedder, chosen_mode, chosen_start, described)


def split_settings(settings: Sequence[str], strategy: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Gives the parameters of strategy and model: "strategy.ratio=3", "tyrogue.ratio=3" or "ratio=3"; "model.c=10".

    Raises:
        UsageError: a setting is neither's.
    """
    found: dict[str, dict[str, Any]] = {"strategy": {}, "model": {}}
    for text in settings:
        key, value = setting(text)
        owner, _, name = key.rpartition(".")
        owner = "strategy" if owner in ("", strategy) else owner
        if owner not in found:
            raise UsageError(f"--set {text}: write it as strategy.parameter=value or model.parameter=value.")
        found[owner][name] = value
    return found["strategy"], found["model"]


def _one_of(option: str, value: str, kind: Any) -> Any:
    if value not in get_args(kind):
        raise UsageError(f"{option} {value}: choose {' or '.join(get_args(kind))}.")
    return value


def replay_project(
    source: Path,
    names: Sequence[str],
    *,
    model: str,
    recipe: str | None,
    batch: int,
    seeds: Sequence[int],
    encoder: str,
    tell: Callable[[str], None],
    out: Path | None = None,
) -> Replay:
    """Gives a replay of a project directory, or of a file exported from one (in the order of its rows).

    Args:
        out: folder that the first split is written to as a dataset.

    Raises:
        UsageError: too few labels, or something that was asked for cannot be.
    """
    strategies = {name: plugins.strategy(name) for name in names}
    entry = entry_of(model, recipe)
    records = list(labeled_in_project(source) if is_project(source) else labeled_in_file(source))

    if out is not None:
        write_task(split(records, next(iter(seeds), 0)).task, out)

    def embedded(texts: Sequence[Text]) -> Callable[[Rows], Embedder]:
        vectors = encoders.open_encoder(encoder).encode(texts)
        return lambda positions: Precomputed(np.asarray(vectors[positions]))

    def made(task: Task, embedder: Embedder) -> Any:
        return make_model(entry, task, embedder)

    return replay(records, strategies, made, embedded, batch=batch, seeds=seeds, tell=tell)


def labeled_in_project(path: Path) -> Iterator[LabeledText]:
    """Gives the texts that people labeled in a project, in the order in which they did."""
    from tyrogue.store import Store

    project = Project.open(path)
    with Store.open(project.store_url, project.key) as store:
        names = {known.id: known.name for known in store.classes()}
        labels = sorted(store.label_records(), key=lambda label: (label.created, label.row))
    texts = project.corpus.texts(np.array([label.row for label in labels], np.int64))
    for label, text in zip(labels, texts, strict=True):
        yield text, names[label.class_id], label.row


def labeled_in_file(path: Path) -> Iterator[LabeledText]:
    """Gives the labeled rows of a file, in its order; rows without a label are passed over."""
    for record in read_records(path):
        if record.gold is not None:
            yield record.content, record.gold, record.row

"""One run of a grid, from its description to its finished file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tyrogue.corpus import datasets
from tyrogue.errors import UnknownName
from tyrogue.experiments import machine, maps, plugins, scores
from tyrogue.experiments.data import Examples, Task
from tyrogue.experiments.embeddings import Precomputed
from tyrogue.experiments.factories import continues, make_model, trained_by
from tyrogue.experiments.files import read_task
from tyrogue.experiments.grid import Cell, DatasetEntry, ModelEntry
from tyrogue.experiments.redundancy import describe
from tyrogue.experiments.results import FORMAT, Writer, writing
from tyrogue.experiments.simulate import Round, simulate
from tyrogue.experiments.stress import stressed
from tyrogue.learner import rng_of


@dataclass(frozen=True)
class Job:
    """All that a worker process needs to do one run."""

    cell: Cell
    key: str
    digest: str
    data: Path | None
    results: Path
    vectors: Path
    """The .npy file with the frozen embeddings of the task."""
    encoder: str
    """The encoder's fingerprint, for the record."""
    redundancy: bool

    @property
    def path(self) -> Path:
        return self.results / f"{self.key}.jsonl"


@lru_cache(maxsize=2)
def load_task(entry: DatasetEntry, data: Path | None) -> Task:
    """Gives a dataset by name, cut to the entry's sample: one of the known ones, or any in the folder `data`.

    Raises:
        UnknownName: it is neither, or there is no such stress.
    """
    if entry.stress is not None:
        return stressed(load_task(replace(entry, stress=None), data), entry.stress)[0]
    return _whole_task(entry.name, data).subset(entry.train_rows, entry.test_rows)


def _whole_task(name: str, data: Path | None) -> Task:
    if name not in datasets.DATASETS:
        folder = (data or Path()) / name
        if data is None or not folder.is_dir():
            there = [path.parent.name for path in data.glob("*/train.parquet")] if data else []
            raise UnknownName("dataset", name, {*datasets.DATASETS, *there})
        return replace(read_task(folder / "train.parquet", folder / "test.parquet"), name=name)
    split = datasets.load(name, data)
    train, test = Examples(split.train_texts, split.train_labels), Examples(split.test_texts, split.test_labels)
    return Task(name, tuple(split.classes), train, test)


def run(job: Job, on_round: Callable[[], None] = lambda: None) -> None:
    """Does a run, or what is left of it. Does nothing when it is finished.

    Raises:
        Busy: another process is at it.
    """
    with writing(job.path) as file:
        if file.record is not None and file.record.done is not None:
            return
        clock = time.perf_counter()
        task, vectors = load_task(job.cell.dataset, job.data), Precomputed(np.load(job.vectors, mmap_mode="r"))
        if file.record is None:
            file.append(config(job, task))
        else:
            file.append({"resumed": _circumstances()})
        last = (_curve if job.cell.kind == "curve" else _full)(job, task, vectors, file, on_round)
        file.append({"done": True, "seconds": round(time.perf_counter() - clock, 3), **last})


def config(job: Job, task: Task) -> dict[str, Any]:
    """Gives the first line of a run's file: everything that made it what it is."""
    cell = job.cell
    strategy: dict[str, Any] = {"name": cell.strategy.name, "label": cell.strategy.label or cell.strategy.name}
    if cell.kind == "curve":
        strategy["parameters"] = plugins.fields_of(plugins.strategy(cell.strategy.name, cell.strategy.set))
    return {
        "format": FORMAT,
        "key": job.key,
        "grid": cell.grid,
        "kind": cell.kind,
        "dataset": {
            **asdict(cell.dataset),
            "digest": job.digest,
            "classes": task.n_classes,
            "train": len(task.train),
            "test": len(task.test),
        },
        "strategy": strategy,
        "model": {**asdict(cell.model), "continue_training": continues(cell.model), **trained_by(cell.model)},
        "encoder": job.encoder,
        **{name: getattr(cell, name) for name in ("mode", "start", "batch", "budget", "seed", "at")},
        **_circumstances(),
    }


def _circumstances() -> dict[str, Any]:
    return {
        "versions": machine.versions(),
        "commit": machine.commit(),
        "machine": machine.machine(),
        "threads": threads(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def threads() -> int:
    """Gives the most threads that an array operation of this process may use."""
    from threadpoolctl import threadpool_info

    return max((pool["num_threads"] for pool in threadpool_info()), default=1)


def _curve(job: Job, task: Task, vectors: Precomputed, file: Writer, on_round: Callable[[], None]) -> dict[str, Any]:
    cell = job.cell

    def keep(round: Round) -> None:
        file.append(round.line())
        on_round()

    judged = cell.model.acquired_by is not None
    asked = ModelEntry(cell.model.acquired_by) if cell.model.acquired_by else cell.model
    simulate(
        task,
        plugins.strategy(cell.strategy.name, cell.strategy.set),
        lambda: make_model(asked, task, vectors, job.vectors.parent),
        vectors,
        judged=(lambda: make_model(cell.model, task, vectors, job.vectors.parent)) if judged else None,
        at=cell.at,
        batch=cell.batch,
        budget=cell.budget,
        seed=cell.seed,
        start=cell.start,
        mode=cell.mode,
        continue_training=continues(cell.model),
        describe=describe(task, vectors) if job.redundancy else None,
        done=file.record.rounds if file.record else (),
        on_round=keep,
    )
    return {}


def _full(job: Job, task: Task, vectors: Precomputed, file: Writer, on_round: Callable[[], None]) -> dict[str, Any]:
    """Trains on all of train: the bar that shares of F1 are taken of, and the space that pictures are drawn in."""
    model = make_model(job.cell.model, task, vectors, job.vectors.parent)
    seed = int(rng_of(job.cell.seed, 0, purpose=1).integers(2**31))
    pool = task.train_inputs(vectors)
    report = model.fit(pool, task.train.labels, seed=seed)
    clock = time.perf_counter()
    logits = model.infer(task.test_inputs(vectors)).logits
    evaluate = time.perf_counter() - clock
    round = Round(
        round=0,
        labeled=len(task.train),
        rows=(),
        acquire_seconds=0.0,
        draw_seconds=0.0,
        embed_seconds=0.0,
        infer_seconds=0.0,
        select_seconds=0.0,
        train_seconds=report.seconds,
        evaluate_seconds=evaluate,
        rows_embedded=0,
        rows_inferred=0,
        ratio=None,
        model_version=model.version,
        **scores.evaluate(logits, task.test.labels),
    )
    if not (file.record and file.record.rounds):
        file.append(round.line())
    on_round()
    if job.cell.kind != "map":
        return {}
    picked = maps.picked_in(job.results, job.digest, job.cell.seed)
    drawn = maps.draw_map(task, picked, lambda rows: model.features(pool.take(rows)), seed=job.cell.seed)
    return {"map": drawn.line()}

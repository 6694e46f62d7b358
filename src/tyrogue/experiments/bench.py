"""Running a grid: what is missing, in several processes, so that it can be killed at any moment and go on."""

from __future__ import annotations

import multiprocessing as mp
import os
import threading
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, Protocol

from tyrogue.backbone import source
from tyrogue.errors import TyrogueError
from tyrogue.experiments import machine, plugins, results
from tyrogue.experiments.embeddings import embed_task, encoder_of, reordered
from tyrogue.experiments.factories import check_model, weights_of
from tyrogue.experiments.grid import Cell, DatasetEntry, Grid, ModelEntry
from tyrogue.experiments.run import Job, load_task, run
from tyrogue.experiments.stress import stressed
from tyrogue.protocols import Encoder


class Watcher(Protocol):
    """Is told how a grid comes along."""

    def planned(self, runs: int, rounds: int, finished: int) -> None: ...
    def embedding(self, dataset: str, done: int, total: int) -> None: ...
    def round(self) -> None: ...
    def run(self, key: str, error: str | None) -> None: ...


@dataclass
class Summary:
    """What a call of `bench` did."""

    finished_before: int = 0
    done: int = 0
    busy: int = 0
    """Runs that another process is at."""
    waiting: int = 0
    """Maps for which curves are missing, those of another shard perhaps."""
    failed: dict[str, str] = field(default_factory=dict)
    """Reasons, by key."""


def bench(
    grid: Grid,
    *,
    data: Path | None,
    out: Path,
    cache: Path,
    watcher: Watcher,
    jobs: int = 1,
    threads: int | None = None,
    part: Callable[[Sequence[Cell]], Sequence[Cell]] = lambda cells: cells,
) -> Summary:
    """Does every run of the grid that `out` does not hold finished; a half one goes on at its last round.

    Args:
        data: a folder of datasets; None takes them by name from the hub.
        out: the folder of result files.
        cache: where frozen embeddings are kept between calls; outside of `out`.
        jobs: number of processes.
        threads: of each process; by default several share out the cores, and one is left as it is.
        part: which of the cells are this call's (a shard).

    Raises:
        UnknownName: a dataset, strategy or model that does not exist. BadInput: weights that are nowhere.
    """
    planned = plan(grid, part(grid.cells()), data)
    summary = Summary()
    there = {key: results.read(path) for key in planned if (path := out / f"{key}.jsonl").exists()}
    pending = [(cell, key, digest) for key, (cell, digest) in planned.items() if not _finished(there.get(key))]
    summary.finished_before = len(planned) - len(pending)
    rounds = sum(max(rounds_of(cell) - _rounds_in(there.get(key)), 0) for cell, key, _ in pending)
    watcher.planned(len(pending), rounds, summary.finished_before)
    if not pending:
        return summary
    _require_weights(cell.model for cell, _, _ in pending)
    todo = _jobs(grid, pending, data, out, cache, watcher)
    if threads is None and jobs > 1:
        threads = max(1, machine.usable_cores() // jobs)
    # A map draws what the curves have picked, so the curves come first.
    curves, maps = [j for j in todo if j.cell.kind != "map"], [j for j in todo if j.cell.kind == "map"]
    for phase in (curves, maps):
        if phase is maps and maps and not _others_picked(grid, planned, data, out):
            summary.waiting = len(maps)
            break
        for job, error in _outcomes(phase, min(jobs, len(phase)), threads, watcher):
            _book(summary, job, error, watcher)
    return summary


def _others_picked(grid: Grid, planned: Collection[str], data: Path | None, out: Path) -> bool:
    """Whether the curves of other shards are finished. What failed in this one is missing on its maps, and told."""
    keys = set(plan(grid, [cell for cell in grid.cells() if cell.kind == "curve"], data)).difference(planned)
    return all(_finished(results.read(path)) if (path := out / f"{key}.jsonl").exists() else False for key in keys)


def plan(grid: Grid, cells: Sequence[Cell], data: Path | None) -> dict[str, tuple[Cell, str]]:
    """Gives cells and dataset digests by run key; a run that two cells describe is there once.

    What cannot be made (a strategy, a recipe, a dataset) is refused here, before anything runs.
    """
    _check_names(cells)
    digests: dict[DatasetEntry, str] = {}
    for entry in dict.fromkeys(cell.dataset for cell in cells):
        digests[entry] = load_task(entry, data).digest()
    planned: dict[str, tuple[Cell, str]] = {}
    for cell in cells:
        named = replace(cell, source=plugins.source_of(cell.strategy.name))
        planned.setdefault(named.key(digests[cell.dataset]), (named, digests[cell.dataset]))
    return planned


def _check_names(cells: Sequence[Cell]) -> None:
    for strategy in {str(cell.strategy): cell.strategy for cell in cells if cell.kind == "curve"}.values():
        plugins.strategy(strategy.name, strategy.set)
    for model in {str(cell.model): cell.model for cell in cells}.values():
        check_model(model)


def _require_weights(models: Iterable[ModelEntry]) -> None:
    """Raises BadInput before anything runs when a transformer's weights are nowhere to be had."""
    for checkpoint in {weights_of(entry) for entry in models} - {None, source.DEFAULT}:
        assert checkpoint is not None
        source.require(checkpoint)


def rounds_of(cell: Cell) -> int:
    """Gives the number of evaluations that a run has, if its pool is large enough."""
    if cell.kind != "curve":
        return 1
    labels = {min(cell.batch * (i + 1), cell.budget) for i in range(ceil(cell.budget / cell.batch))}
    return len(labels & {*cell.at, cell.budget}) if cell.at else len(labels)


def _finished(record: results.Record | None) -> bool:
    return record is not None and record.done is not None


def _rounds_in(record: results.Record | None) -> int:
    return len(record.rounds) if record is not None else 0


def _jobs(
    grid: Grid, pending: list[tuple[Cell, str, str]], data: Path | None, out: Path, cache: Path, watcher: Watcher
) -> list[Job]:
    encoder = encoder_of(grid.encoder)
    vectors: dict[str, Path] = {}
    for cell, _, digest in pending:
        if digest not in vectors:
            vectors[digest] = _embedded(cell.dataset, digest, data, encoder, cache, watcher)
    return [
        Job(cell, key, digest, data, out, vectors[digest], encoder.fingerprint, grid.redundancy)
        for cell, key, digest in pending
    ]


def _embedded(
    entry: DatasetEntry, digest: str, data: Path | None, encoder: Encoder, cache: Path, watcher: Watcher
) -> Path:
    """Gives the file with the embeddings of a dataset; those of a stressed one are its original's, put in its order."""
    told = partial(watcher.embedding, entry.name)
    if entry.stress is None:
        return embed_task(load_task(entry, data), digest, encoder, cache, told)
    original = load_task(replace(entry, stress=None), data)
    whole = embed_task(original, original.digest(), encoder, cache, told)
    return reordered(whole, digest, stressed(original, entry.stress)[1])


def _book(summary: Summary, job: Job, error: BaseException | None, watcher: Watcher) -> None:
    if error is None:
        summary.done += 1
    elif isinstance(error, results.Busy):
        summary.busy += 1
    elif isinstance(error, TyrogueError):
        summary.failed[job.key] = str(error)
    elif isinstance(error, Exception):  # one broken run must not cost the others
        summary.failed[job.key] = "".join(traceback.format_exception(error)).strip()
    else:
        raise error
    watcher.run(job.key, summary.failed.get(job.key))


def _outcomes(
    todo: Sequence[Job], jobs: int, threads: int | None, watcher: Watcher
) -> Iterator[tuple[Job, BaseException | None]]:
    """Gives every job with what it raised, as they end."""
    if jobs <= 1:
        with nullcontext() if threads is None else _limited(threads):
            for job in todo:
                yield job, _tried(job, watcher.round)
        return
    with _workers(jobs, threads or 1, watcher) as pool:
        running = {pool.submit(_work, job): job for job in todo}
        while running:
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield running.pop(future), future.exception()


def _tried(job: Job, on_round: Callable[[], None]) -> BaseException | None:
    try:
        run(job, on_round)
    except Exception as error:
        return error
    return None


@contextmanager
def _workers(jobs: int, threads: int, watcher: Watcher) -> Iterator[ProcessPoolExecutor]:
    context = mp.get_context("spawn")
    news: Any = context.SimpleQueue()
    listener = threading.Thread(target=_listen, args=(news, watcher), daemon=True)
    listener.start()
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(threads, news))
    try:
        with _environment(threads):
            yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        news.put(False)
        listener.join()


@contextmanager
def _limited(threads: int) -> Iterator[None]:
    """Limits the threads of this process: of the array libraries that are loaded, and of those that will be."""
    from threadpoolctl import threadpool_limits

    with _environment(threads), threadpool_limits(threads):
        yield


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Limits the threads of processes that are started inside: array libraries read these when they load."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _listen(news: Any, watcher: Watcher) -> None:
    while news.get():
        watcher.round()


_news: Any = None


def _begin(threads: int, news: Any) -> None:
    """Sets a worker process up."""
    global _news
    _news = news
    threading.Thread(target=_die_with_parent, daemon=True).start()
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)


def _die_with_parent() -> None:
    # A worker whose parent was killed would wait for work for ever.
    parent = mp.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Job) -> None:
    run(job, lambda: _news.put(True))

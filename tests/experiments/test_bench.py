from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tyrogue.errors import BadInput
from tyrogue.experiments import bench as bench_module
from tyrogue.experiments import embeddings, grid, results, run
from tyrogue.experiments.bench import Summary, bench
from tyrogue.experiments.data import Task
from tyrogue.experiments.grid import DatasetEntry, Grid, ModelEntry
from tyrogue.experiments.maps import Map
from tyrogue.protocols import Classifier
from tyrogue.types import Floats, Text

if TYPE_CHECKING:
    from tests.experiments.conftest import Toy

GRID = grid.parse(
    {
        "name": "toys",
        "datasets": ["one", "two"],
        "strategies": ["random", "entropy", {"name": "tyrogue", "set": {"candidates": 100}}],
        "models": ["linear"],
        "seeds": [1, 2],
        "full_seeds": [1],
        "batch": 20,
        "budget": 60,
    }
)


class Log:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.rounds = 0
        self.plans: list[tuple[int, int, int]] = []
        self.embedded: list[str] = []
        self.errors: list[str] = []

    def planned(self, runs: int, rounds: int, finished: int) -> None:
        self.plans.append((runs, rounds, finished))

    def embedding(self, dataset: str, done: int, total: int) -> None:
        self.embedded.append(dataset)

    def round(self) -> None:
        self.rounds += 1

    def run(self, key: str, error: str | None) -> None:
        if error:
            self.errors.append(key)


class Laboratory:
    """Toys in the place of datasets, encoder and models; everything between them is the real thing."""

    def __init__(self, folder: Path, toys: Callable[..., Toy]) -> None:
        self.folder = folder
        self.toys = {name: toys(seed=i) for i, name in enumerate(("one", "two"))}
        self.tasks = {name: replace(toy.task, name=name) for name, toy in self.toys.items()}
        # The two toys have the same texts, of different classes: a text alone does not tell its vector.
        for name, task in self.tasks.items():
            for part in (task.train, task.test):
                object.__setattr__(part, "texts", [f"{name}: {text}" for text in part.texts])
        self.vector_of: dict[Text, Floats] = {
            text: np.asarray(vector, np.float32)
            for name, task in self.tasks.items()
            for text, vector in zip(task.texts(), self.toys[name].embedder.vectors, strict=True)
        }
        self.encoded = 0
        self.fits = 0

    fingerprint = "toy"
    dimension = 8

    def encode(self, texts: Sequence[Text]) -> Floats:
        self.encoded += len(texts)
        return np.array([self.vector_of[text] for text in texts])

    def load(self, entry: DatasetEntry, data: Path | None) -> Task:
        return self.tasks[entry.name].subset(entry.train_rows, entry.test_rows)

    def model(self, entry: ModelEntry, task: Task, embedder: Any, cache: Path) -> Classifier:
        self.fits += 1
        return self.toys["one"].model_of(task.n_classes)

    def bench(self, plan: Grid = GRID, out: str = "out", **options: Any) -> tuple[Summary, Log]:
        log = Log()
        summary = bench(
            plan, data=None, out=self.folder / out, cache=self.folder / "cache", watcher=log, **options
        )  # fmt: skip
        return summary, log

    def lines(self, out: str = "out") -> dict[str, list[Any]]:
        """All that was written, without what no two runs share."""
        return {
            path.name: [_without_times(json.loads(line)) for line in path.read_text().splitlines()]
            for path in sorted((self.folder / out).glob("*"))
        }


def _without_times(line: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in line.items() if not k.endswith("seconds") and k not in ("time", "resumed")}


@pytest.fixture
def laboratory(tmp_path: Path, toys: Callable[..., Toy], monkeypatch: pytest.MonkeyPatch) -> Laboratory:
    made = Laboratory(tmp_path, toys)
    for module in (run, bench_module):
        monkeypatch.setattr(module, "load_task", made.load)
    monkeypatch.setattr(run, "make_model", made.model)
    monkeypatch.setattr(bench_module, "encoder_of", lambda _: made)
    return made


def test_every_run_is_done_once(laboratory: Laboratory) -> None:
    summary, log = laboratory.bench()
    assert (summary.done, summary.finished_before, summary.failed) == (2 * (3 * 2 + 1), 0, {})
    assert log.plans == [(14, 12 * 3 + 2, 0)]
    assert log.rounds == 38
    records = results.read_all(laboratory.folder / "out")
    assert len(records) == 14
    assert all(record.done for record in records)
    before, fits = laboratory.lines(), laboratory.fits
    again, log = laboratory.bench()
    assert (again.done, again.finished_before) == (0, 14)
    assert laboratory.fits == fits
    assert laboratory.lines() == before
    assert log.rounds == 0


def test_the_first_line_says_what_was_run(laboratory: Laboratory) -> None:
    laboratory.bench()
    record = next(r for r in results.read_all(laboratory.folder / "out") if r.config["strategy"]["name"] == "tyrogue")
    config = record.config
    assert config["dataset"]["digest"] == laboratory.tasks[config["dataset"]["name"]].digest()
    assert (config["dataset"]["train"], config["dataset"]["test"], config["dataset"]["classes"]) == (300, 120, 3)
    assert config["strategy"]["parameters"]["candidates"] == 100
    assert config["strategy"]["parameters"]["ratio"] == 3
    assert config["encoder"] == "toy"
    assert {"python", "numpy", "tyrogue", "scikit-learn"} <= config["versions"].keys()
    assert {"cpu", "cores", "memory_gb"} <= config["machine"].keys()
    assert config["key"] == record.path.stem


@pytest.mark.parametrize("kept", [0, 1, 2, 3, 4])
def test_a_half_run_goes_on_and_ends_as_it_would_have(laboratory: Laboratory, kept: int) -> None:
    laboratory.bench()
    whole = laboratory.lines()
    path = next((laboratory.folder / "out").glob("one-tyrogue-linear-1-*"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:kept]) + lines[kept][:25])  # torn in the next line
    summary, log = laboratory.bench()
    assert summary.done == 1
    assert log.rounds == 3 - max(0, kept - 1)
    now = laboratory.lines()
    assert [line for line in now[path.name] if line] == whole[path.name]
    assert now == {**whole, path.name: now[path.name]}


def test_embeddings_are_computed_once_for_all_grids(laboratory: Laboratory) -> None:
    laboratory.bench()
    assert laboratory.encoded == 2 * (420 + 1)
    laboratory.bench(replace(GRID, budget=40), out="other")
    assert laboratory.encoded == 2 * (420 + 1)
    files = sorted(path.name for path in (laboratory.folder / "cache").iterdir())
    assert len(files) == 2
    assert all(name.endswith(".npy") for name in files)
    assert not list((laboratory.folder / "out").glob("*.npy"))


def test_an_interrupted_pass_goes_on(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "CHUNK", 100)
    encode, calls = laboratory.encode, iter([1, 1, 1])

    def killed(texts: Sequence[Text]) -> Floats:
        next(calls)
        return encode(texts)

    task, cache = laboratory.tasks["one"], laboratory.folder / "cache"
    monkeypatch.setattr(laboratory, "encode", killed)
    with pytest.raises(StopIteration):
        embeddings.embed_task(task, "d", laboratory, cache)
    assert not list(cache.glob("*.npy"))
    (part,) = cache.iterdir()
    with part.open("ab") as file:
        file.write(b"torn")
    monkeypatch.setattr(laboratory, "encode", encode)
    laboratory.encoded = 0
    vectors = np.load(embeddings.embed_task(task, "d", laboratory, cache))
    assert laboratory.encoded == 1 + 420 - 200  # one text tells the dimension
    assert np.array_equal(vectors, laboratory.toys["one"].embedder.vectors)
    assert [path.suffix for path in cache.iterdir()] == [".npy"]


def test_shards_together_are_the_grid(laboratory: Laboratory) -> None:
    laboratory.bench(out="whole")
    for i in (1, 2, 3):
        laboratory.bench(out="parts", part=lambda cells, i=i: grid.shard(cells, f"{i}/3"))
    whole, parts = laboratory.lines("whole"), laboratory.lines("parts")
    assert whole == parts


def test_one_that_fails_does_not_stop_the_others(laboratory: Laboratory) -> None:
    broken = grid.parse({**_table(), "strategies": ["random", "alps"]})
    summary, log = laboratory.bench(broken)
    assert len(summary.failed) == len(log.errors) == 2
    assert all("masked-LM head" in reason for reason in summary.failed.values())
    assert summary.done == 2
    again, _ = laboratory.bench(broken)
    assert (again.finished_before, len(again.failed)) == (2, 2)


def _table() -> dict[str, Any]:
    return {"datasets": ["one", "two"], "models": ["linear"], "seeds": [1], "batch": 20, "budget": 60}


def test_grids_share_the_runs_that_they_have_in_common(laboratory: Laboratory) -> None:
    laboratory.bench(grid.parse({**_table(), "name": "first", "strategies": ["random", "entropy"]}))
    summary, _ = laboratory.bench(grid.parse({**_table(), "name": "second", "strategies": ["random", "margin"]}))
    assert (summary.finished_before, summary.done) == (2, 2)


def test_all_strategies_of_a_seed_start_alike_where_they_start_at_random(laboratory: Laboratory) -> None:
    laboratory.bench()
    first: dict[tuple[str, int], set[tuple[int, ...]]] = {}
    for record in results.read_all(laboratory.folder / "out"):
        if record.config["strategy"]["name"] in ("random", "entropy"):
            at = (record.config["dataset"]["name"], record.config["seed"])
            first.setdefault(at, set()).add(record.rounds[0].rows)
    assert [len(batches) for batches in first.values()] == [1] * 4


def test_the_map_shows_what_was_picked(laboratory: Laboratory) -> None:
    laboratory.bench(replace(GRID, datasets=GRID.datasets[:1], seeds=(1,), map_seeds=(1,)))
    records = results.read_all(laboratory.folder / "out")
    drawn = next(r for r in records if r.config["kind"] == "map" and r.config["dataset"]["name"] == "one")
    picked = {
        row
        for r in records
        if r.config["kind"] == "curve" and r.config["dataset"]["name"] == "one" and r.config["seed"] == 1
        for round in r.rounds
        for row in round.rows
    }
    assert drawn.done is not None
    assert picked <= set(Map.parse(drawn.done["map"]).rows.tolist())


def test_a_map_waits_for_the_curves_of_other_shards(laboratory: Laboratory) -> None:
    plan = replace(GRID, datasets=GRID.datasets[:1], seeds=(1,), full_seeds=(), map_seeds=(1,))
    alone, _ = laboratory.bench(plan, part=lambda cells: [cell for cell in cells if cell.kind == "map"])
    assert (alone.done, alone.waiting) == (0, 1)
    laboratory.bench(plan, part=lambda cells: [cell for cell in cells if cell.kind == "curve"])
    after, _ = laboratory.bench(plan, part=lambda cells: [cell for cell in cells if cell.kind == "map"])
    assert (after.done, after.waiting) == (1, 0)


def test_a_map_does_not_wait_for_what_failed(laboratory: Laboratory) -> None:
    plan = grid.parse({**_table(), "datasets": ["one"], "strategies": ["random", "alps"], "map_seeds": [1]})
    summary, _ = laboratory.bench(plan)
    assert (summary.done, len(summary.failed), summary.waiting) == (2, 1, 0)


def test_what_is_left_to_do_counts_evaluations_that_are_missing(laboratory: Laboratory) -> None:
    plan = replace(GRID, full_seeds=(), at=(40,))
    _, log = laboratory.bench(plan)
    assert log.plans == [(12, 12 * 2, 0)]
    assert log.rounds == 24
    half = next((laboratory.folder / "out").glob("one-random-*"))
    half.write_bytes(b"".join(half.read_bytes().splitlines(keepends=True)[:2]))  # the configuration and one round
    _, log = laboratory.bench(plan)
    assert log.plans == [(1, 1, 11)]
    assert log.rounds == 1


def test_threads_are_limited_with_one_job_too(laboratory: Laboratory) -> None:
    laboratory.bench(replace(GRID, seeds=(1,), full_seeds=()), threads=1)
    assert {record.config["threads"] for record in results.read_all(laboratory.folder / "out")} == {1}


def test_a_changed_strategy_of_ones_own_runs_again(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from dataclasses import dataclass\n"
        "from tyrogue.strategies import Random\n\n\n"
        "@dataclass(frozen=True)\nclass Mine(Random):\n    pass\n"
    )
    (tmp_path / "own_strategy.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    plan = grid.parse({**_table(), "strategies": ["own_strategy:Mine"]})
    assert laboratory.bench(plan)[0].done == 2
    assert laboratory.bench(plan)[0].finished_before == 2
    (tmp_path / "own_strategy.py").write_text(code + "# another rule\n")
    assert laboratory.bench(plan)[0].done == 2


def test_weights_that_are_nowhere_are_refused_before_anything_runs(laboratory: Laboratory) -> None:
    model = {"name": "transformer", "checkpoint": "./no-such-model"}
    with pytest.raises(BadInput, match="no-such-model"):
        laboratory.bench(grid.parse({**_table(), "models": [model], "strategies": ["random"]}))
    assert not (laboratory.folder / "out").exists()

"""`simulate`, `bench`, `report`, `replay` on real models and small real files."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from terminal import Terminal

import tyrogue as package
from tyrogue.experiments import results
from tyrogue.experiments.files import read_task

if TYPE_CHECKING:
    from collections.abc import Sequence

SPORTS = ("The {} won the match after extra time", "A late goal saved the {}", "Fans of the {} cheered in the stadium")
FOOD = ("Bake the {} until it is golden", "Stir the {} into the warm sauce", "Serve the {} with fresh bread")
TEAMS = ("hikers", "wolves", "mariners", "blue team", "visitors", "champions", "rovers", "under-21 side")
DISHES = ("cake", "onions", "chicken", "pasta", "mushrooms", "cheese", "soup", "rice pudding")


def labeled(seed: int, n: int) -> list[tuple[str, str]]:
    """Texts of two topics with their class, shuffled, none twice."""
    every = [(s.format(t), "sports") for s in SPORTS for t in TEAMS] + [
        (s.format(d), "food") for s in FOOD for d in DISHES
    ]
    order = np.random.default_rng(seed).permutation(len(every))[:n]
    return [every[i] for i in order]


def write(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    rows = labeled(0, 48)
    return write(tmp_path / "train.csv", rows[:36]), write(tmp_path / "test.csv", rows[36:])


def simulated(tyrogue: Terminal, files: tuple[Path, Path], *more: object) -> dict[str, Any]:
    told = tyrogue("simulate", files[0], "--test", files[1], "--batch", 6, "--budget", 15, "--json", *more)
    assert told.code == 0, told.err
    assert told.out.count("\n") == 1
    found: dict[str, Any] = json.loads(told.out)
    return found


def test_simulate_prints_one_json_object(tyrogue: Terminal, files: tuple[Path, Path]) -> None:
    found = simulated(tyrogue, files, "--strategy", "tyrogue", "--seed", 3, "--set", "strategy.candidates=20")
    wanted = {"labeled", "rows", "accuracy", "macro_f1", "acquire_seconds", "train_seconds", "ratio"}
    assert all(wanted <= round.keys() for round in found["rounds"])
    assert [round["labeled"] for round in found["rounds"]] == [6, 12, 15]
    assert [round["ratio"] for round in found["rounds"]] == [1, 3, 3]
    assert found["parameters"]["candidates"] == 20
    assert found["rounds"][-1]["accuracy"] >= 0.9  # two topics that nobody confuses
    rows = [row for round in found["rounds"] for row in round["rows"]]
    assert len(set(rows)) == 15
    assert max(rows) < 36


def test_simulate_repeats_itself(tyrogue: Terminal, files: tuple[Path, Path]) -> None:
    def stable(*more: object) -> list[dict[str, Any]]:
        rounds = simulated(tyrogue, files, *more)["rounds"]
        return [{k: v for k, v in round.items() if not k.endswith("seconds")} for round in rounds]

    assert stable("--strategy", "entropy") == stable("--strategy", "entropy")
    assert stable("--strategy", "random", "--seed", 1) != stable("--strategy", "random", "--seed", 2)
    assert stable("--ratio", 2) == stable("--set", "tyrogue.ratio=2") == stable("--set", "ratio=2")


def test_simulate_with_a_ratio_that_adapts_says_what_it_was_and_why(
    tyrogue: Terminal, files: tuple[Path, Path]
) -> None:
    found = simulated(tyrogue, files, "--strategy", "tyrogue", "--ratio", "auto")
    assert found["parameters"]["ratio"] == "auto"
    for round in found["rounds"]:
        assert set(round["signals"]) == {"alignment", "unexplored"}
        aligned, unexplored = round["signals"]["alignment"], round["signals"]["unexplored"]
        exact = 3 ** (1 - aligned) * 10 ** (aligned * (1 - unexplored))
        assert abs(round["ratio"] - (exact if round["round"] else 1)) <= 0.5
    assert found["rounds"][-1]["signals"]["unexplored"] == pytest.approx(math.exp(-12 / 200), abs=1e-6)


@pytest.mark.parametrize("ratio", ["0", "-1", "1.5", "much"])
def test_a_ratio_that_cannot_be(tyrogue: Terminal, files: tuple[Path, Path], ratio: str) -> None:
    told = tyrogue("simulate", files[0], "--test", files[1], "--ratio", ratio)
    assert told.code == 2
    assert "whole number from 1, or auto" in told.err


def test_simulate_draws_a_curve_for_people(tyrogue: Terminal, files: tuple[Path, Path]) -> None:
    told = tyrogue("simulate", files[0], "--test", files[1], "--strategy", "random", "--batch", 6, "--budget", 12)
    assert told.code == 0
    assert told.out.splitlines()[0].split() == ["labels", "accuracy", "macro-F1"]
    assert len(told.out.splitlines()) == 3
    assert "round 1: 12 labels" in told.err


def test_pairs_and_numbered_classes(tyrogue: Terminal, tmp_path: Path) -> None:
    rows = labeled(1, 40)
    lines = [{"text": text, "text_pair": text[::-1], "label": int(label == "food")} for text, label in rows]
    for name, part in (("train", lines[:30]), ("test", lines[30:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in part), encoding="utf-8")
    found = simulated(tyrogue, (tmp_path / "train.jsonl", tmp_path / "test.jsonl"), "--strategy", "random")
    assert found["classes"] == ["0", "1"]
    assert found["rounds"][-1]["labeled"] == 15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy", "tyroge"], "Did you mean 'tyrogue'"),
        (["--set", "strategy.ratoi=3"], "ratoi"),
        (["--set", "store.x=3"], "strategy.parameter=value"),
        (["--mode", "fast"], "choose cached or current"),
        (["--start", "warm"], "choose cold or random"),
        (["--recipe", "none"], "no recipe named"),
        (["--strategy", "nothing.here:Strategy"], "nothing.here:Strategy"),
        (["--strategy", "alps"], "bert-base-cased"),
    ],
)
def test_what_cannot_be_simulated(
    tyrogue: Terminal, files: tuple[Path, Path], options: list[str], message: str
) -> None:
    told = tyrogue("simulate", files[0], "--test", files[1], "--batch", 6, "--budget", 15, "--json", *options)
    assert told.code == 2
    assert message in told.err
    assert told.out == ""


def test_files_that_cannot_be_simulated(tyrogue: Terminal, files: tuple[Path, Path], tmp_path: Path) -> None:
    train, test = files
    other = write(tmp_path / "other.csv", [("A text about law", "law"), ("Another", "law")])
    unlabeled = tmp_path / "unlabeled.csv"
    unlabeled.write_text("text\nSome text\nSome more\n", encoding="utf-8")
    for bad_train, bad_test, name, message in (
        (train, other, "other.csv", "'law'"),
        (unlabeled, test, "unlabeled.csv", "has no label"),
        (tmp_path / "nowhere.csv", test, "nowhere.csv", "no file"),
    ):
        told = tyrogue("simulate", bad_train, "--test", bad_test)
        assert told.code == 2
        assert name in told.err
        assert message in told.err


@pytest.fixture
def laboratory(tmp_path: Path) -> tuple[Path, list[str]]:
    """A grid on a folder with one dataset, and the command that runs it."""
    data = tmp_path / "data" / "topics"
    data.mkdir(parents=True)
    rows = labeled(2, 48)
    for name, part in (("train", rows[:36]), ("test", rows[36:])):
        columns = {"text": [t for t, _ in part], "label": pa.array([int(c == "food") for _, c in part], pa.int32())}
        pq.write_table(pa.table(columns), data / f"{name}.parquet")
    (data / "meta.json").write_text(json.dumps({"name": "topics", "classes": ["sports", "food"]}), encoding="utf-8")
    grid = tmp_path / "grid.toml"
    grid.write_text(
        'datasets = ["topics"]\nstrategies = ["random", "tyrogue"]\nmodels = ["linear"]\n'
        "seeds = [1, 2]\nfull_seeds = [1]\nbatch = 4\nbudget = 24\n",
        encoding="utf-8",
    )
    command = ["bench", str(grid), "--data", str(data.parent), "--cache", str(tmp_path / "cache")]
    return tmp_path, command


def test_bench_in_two_processes_then_nothing_to_do_then_a_report(
    tyrogue: Terminal, laboratory: tuple[Path, list[str]]
) -> None:
    folder, command = laboratory
    out = folder / "results"
    told = tyrogue(*command, "--out", out, "--jobs", 2)
    assert told.code == 0, told.err
    assert told.out == ""
    assert "5 runs done" in told.err
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()}
    told = tyrogue(*command, "--out", out)
    assert "0 runs done, 5 were there already" in told.err
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()} == before
    told = tyrogue("report", out, "--out", folder / "report.html", "--markdown", folder / "results.md")
    assert told.code == 0, told.err
    assert "topics" in (folder / "report.html").read_text(encoding="utf-8")
    assert "| tyrogue |" in (folder / "results.md").read_text(encoding="utf-8")


def test_bench_killed_in_the_middle_ends_as_it_would_have(
    tyrogue: Terminal, laboratory: tuple[Path, list[str]]
) -> None:
    folder, command = laboratory
    assert tyrogue(*command, "--out", folder / "whole").code == 0
    environment = {**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])}
    arguments = [sys.executable, "-m", "tyrogue", *command, "--out", str(folder / "killed")]
    victim = subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while time.monotonic() < until and _lines(folder / "killed") < 4:
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait(20) == -signal.SIGKILL
    assert _lines(folder / "killed") < _lines(folder / "whole")
    assert tyrogue(*command, "--out", folder / "killed").code == 0
    assert _outcomes(folder / "killed") == _outcomes(folder / "whole")


def _lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*.jsonl"))


def _outcomes(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {
        record.path.name: [(r.rows, r.macro_f1, r.log_loss, r.ratio, r.redundancy) for r in record.rounds]
        for record in results.read_all(folder)
        if record.done
    }


def test_bench_refuses_what_cannot_be(tyrogue: Terminal, laboratory: tuple[Path, list[str]]) -> None:
    folder, command = laboratory
    for more, message in (
        (["--shard", "3/2"], "form i/n"),
        (["--set", "buget=3"], "Unknown key 'buget'"),
        (["--set", 'datasets=["topicz"]'], "topicz"),
        (["--set", 'strategies=["tyroge"]'], "tyrogue"),
    ):
        told = tyrogue(*command, "--out", folder / "results", *more)
        assert told.code == 2, more
        assert message in told.err
    assert not (folder / "results").exists()


def test_report_says_what_to_do_without_results(tyrogue: Terminal, tmp_path: Path) -> None:
    told = tyrogue("report", tmp_path, "--out", tmp_path / "report.html")
    assert told.code == 2
    assert "tyrogue bench" in told.err
    assert tyrogue("report", tmp_path).code == 2


def test_replay_of_an_exported_file(tyrogue: Terminal, tmp_path: Path) -> None:
    told = tyrogue("replay", write(tmp_path / "labels.csv", labeled(4, 48)), "--seeds", 2, "--batch", 5, "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert [arm["strategy"] for arm in found["arms"]] == ["as labeled", "random", "margin", "tyrogue"]
    assert found["labeled"] == 48
    told = tyrogue("replay", tmp_path / "labels.csv", "--seeds", 1, "--strategies", "tyrogue")
    assert "first asked by as labeled" in told.out


def test_replay_of_a_project_and_the_dataset_it_becomes(tyrogue: Terminal, tmp_path: Path) -> None:
    """A real project directory: labeled, replayed, written as a dataset, and that dataset simulated."""
    known = labeled(4, 60)
    place = tyrogue("import", write(tmp_path / "labels.csv", known), "--labels", "sports,food").out.strip()
    rows = np.random.default_rng(0).permutation(len(known)).tolist()
    with (tmp_path / "filled.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("row", "label"), *((row, known[row][1]) for row in rows)])
    assert f"{len(known)} labels" in tyrogue("teach", place, tmp_path / "filled.csv").out
    out = tmp_path / "datasets" / "mine"
    told = tyrogue("replay", place, "--seeds", 2, "--batch", 5, "--strategies", "random", "--out", out, "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert found["labeled"] == len(rows)
    first = found["arms"][0]["first"]
    assert first == sorted(first)  # taught at one moment: in the order of the rows
    assert set(first) <= set(rows)
    task = read_task(out / "train.parquet", out / "test.parquet")
    assert len(task.train) + len(task.test) == len(rows)
    again = tyrogue("simulate", out / "train.parquet", "--test", out / "test.parquet", "--batch", 5, "--budget", 10)
    assert again.code == 0, again.err

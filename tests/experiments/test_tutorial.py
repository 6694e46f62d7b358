"""The tutorial's own strategy, taken from the page as it is printed."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tyrogue
from tyrogue.experiments import grid, plugins
from tyrogue.experiments.simulate import simulate
from tyrogue.testing.strategies import CHECKS

if TYPE_CHECKING:
    from tests.experiments.conftest import Toy

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = {m[2].split("\n")[0].strip("# "): m[2] for m in re.finditer(r"```(python|toml)\n(.*?)```", PAGE, re.DOTALL)}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the tutorial's files, as a reader would have them."""
    for name, text in BLOCKS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("dense_doubt", None)
    importlib.invalidate_caches()


def test_it_is_under_forty_lines() -> None:
    assert len(BLOCKS["dense_doubt.py"].splitlines()) < 40


@pytest.mark.parametrize("name", CHECKS)
def test_it_keeps_the_contract(here: Path, name: str) -> None:
    CHECKS[name](plugins.strategy("dense_doubt:DenseDoubt"))


def test_its_test_passes_under_pytest(here: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "answers"]
    source = str(Path(tyrogue.__file__).parents[1])
    done = subprocess.run(
        command, cwd=here, env={**os.environ, "PYTHONPATH": source}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_it_runs_and_takes_parameters(here: Path, toy: Toy) -> None:
    def rows(**parameters: Any) -> list[tuple[int, ...]]:
        strategy = plugins.strategy("dense_doubt:DenseDoubt", {"candidates": 80, **parameters})
        run = simulate(toy.task, strategy, toy.model, toy.embedder, batch=20, budget=60)
        return [round.rows for round in run.rounds]

    assert rows() == rows(density=1.0)
    assert rows() != rows(density=0.0)


def test_its_grid_is_a_grid(here: Path) -> None:
    cells = grid.load(here / "mine.toml").cells()
    assert {cell.strategy.name for cell in cells} >= {"dense_doubt:DenseDoubt", "tyrogue", "random"}
    own = next(cell for cell in cells if ":" in cell.strategy.name)
    assert plugins.strategy(own.strategy.name, own.strategy.set).density == 2.0  # type: ignore[attr-defined]
    assert own.key("d").startswith("ag_news-DenseDoubt-linear-42-")


def test_the_grid_in_the_documentation_is_a_grid() -> None:
    page = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(grid.parse(tomllib.loads(text)).cells()) == 2 * 2 * 5 + 2 * 3

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tyrogue.errors import BadInput, UsageError
from tyrogue.experiments import grid
from tyrogue.experiments.grid import Grid

GRIDS = sorted((Path(__file__).parents[2] / "experiments").glob("*.toml"))

TABLE: dict[str, Any] = {
    "datasets": ["ag_news", {"name": "imdb", "test_rows": 2000}],
    "strategies": ["random", {"name": "tyrogue", "label": "r = 1", "set": {"ratio": 1}}, "tyrogue"],
    "models": ["linear", {"name": "transformer", "recipe": "paper"}],
    "seeds": [42, 100],
    "full_seeds": [42],
    "budget": 300,
}


def test_every_combination_once_seeds_outermost() -> None:
    cells = grid.parse(TABLE).cells()
    curves = [cell for cell in cells if cell.kind == "curve"]
    assert len(curves) == 2 * 2 * 3 * 2
    assert len({cell.key("d") for cell in cells}) == len(cells) == 24 + 4
    assert [cell.seed for cell in curves] == [42] * 12 + [100] * 12


def test_the_key_holds_all_that_decides_and_nothing_else() -> None:
    base = grid.parse({**TABLE, "name": "a"}).cells()[4]
    renamed = grid.parse({**TABLE, "name": "b", "strategies": [{"name": "random", "label": "x"}]}).cells()[4]
    assert base.key("d") == renamed.key("d")
    changes: list[dict[str, Any]] = [
        {"budget": 301},
        {"batch": 10},
        {"seeds": [43]},
        {"start": "random"},
        {"strategies": [{"name": "random", "set": {"x": 1}}]},
        {"strategies": [{"name": "random", "set": {"x": 0}}]},
        {"strategies": [{"name": "random", "set": {"x": False}}]},
        {"models": [{"name": "linear", "set": {"C": 1}}]},
        {"datasets": [{"name": "ag_news", "train_rows": 5}]},
        {"encoder": "another"},
    ]
    keys = {grid.parse({**TABLE, "full_seeds": [], **change}).cells()[0].key("d") for change in changes}
    keys |= {base.key("d"), base.key("other texts")}
    assert len(keys) == len(changes) + 2


def test_keys_do_not_change_from_one_version_to_the_next() -> None:
    """Committed results are found by their key: when this fails, raise PROTOCOL on purpose, or mend it."""
    cell = grid.parse(
        {"datasets": ["ag_news"], "strategies": ["tyrogue"], "models": ["linear"], "seeds": [42]}
    ).cells()[0]
    assert cell.key("0123456789abcdef") == "ag_news-tyrogue-linear-42-8ebaf43d3c"
    assert replace(cell, source="its hash").key("0123456789abcdef") != cell.key("0123456789abcdef")


def test_a_linear_model_has_one_mode() -> None:
    both = [{"name": "tyrogue", "mode": mode} for mode in ("cached", "current")]
    cells = grid.parse({**TABLE, "strategies": both, "full_seeds": []}).cells()
    keys = {model: {c.key("d") for c in cells if c.model.name == model} for model in ("linear", "transformer")}
    assert (len(keys["linear"]), len(keys["transformer"])) == (4, 8)


@given(n=st.integers(1, 9), cells=st.integers(0, 40))
def test_shards_are_disjoint_and_cover(n: int, cells: int) -> None:
    every = list(range(cells))
    parts = [grid.shard(every, f"{i}/{n}") for i in range(1, n + 1)]
    assert sorted(cell for part in parts for cell in part) == every


@pytest.mark.parametrize("text", ["3/2", "0/2", "1", "a/b", "-1/2", ""])
def test_bad_shards_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="form i/n"):
        grid.shard([], text)


def load(path: Path, text: str, *overrides: str) -> Grid:
    path.write_text(text, encoding="utf-8")
    return grid.load(path, overrides)


def test_overrides(tmp_path: Path) -> None:
    text = 'datasets = ["a", "b"]\nstrategies = ["random", "tyrogue"]\nmodels = ["transformer"]\nseeds = [1, 2]\n'
    got = load(
        tmp_path / "g.toml", text,
        "budget=100", "seeds=[7]", "model.checkpoint=bert-base-cased", "tyrogue.ratio=5", "dataset.test_rows=50",
    )  # fmt: skip
    assert (got.name, got.budget, got.seeds) == ("g", 100, (7,))
    assert got.models[0].checkpoint == "bert-base-cased"
    assert [dict(s.set) for s in got.strategies] == [{}, {"ratio": 5}]
    assert [d.test_rows for d in got.datasets] == [50, 50]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datasets = [", "not TOML"),
        ('models = ["linear"]', "no datasets"),
        ('datasets = ["a"]\nmodels = ["linear"]', "nothing would be run"),
        ('datasets = ["a"]\nmodels = ["linear"]\nfull_seeds = [1]\nbugdet = 3', "Unknown key 'bugdet'"),
        (
            'datasets = [{name = "a", rows = 3}]\nmodels = ["linear"]\nfull_seeds = [1]',
            "Unknown key 'rows' in datasets",
        ),
        ('datasets = ["a"]\nmodels = ["linear"]\nfull_seeds = [1]\nmode = "x"', "must be one of cached, current"),
        ('datasets = ["a"]\nmodels = ["linear"]\nfull_seeds = [1]\nbudget = 0', "at least 1"),
    ],
)
def test_a_grid_that_cannot_be_is_refused_with_its_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        load(tmp_path / "g.toml", text)
    assert "g.toml" in str(caught.value)


def test_settings_are_toml_or_text() -> None:
    assert grid.setting("ratio=3") == ("ratio", 3)
    assert grid.setting("a.b = [1, 2]") == ("a.b", [1, 2])
    assert grid.setting("name=bert-base-cased") == ("name", "bert-base-cased")
    with pytest.raises(UsageError, match="key=value"):
        grid.setting("ratio")


@pytest.mark.parametrize("path", GRIDS, ids=lambda path: path.stem)
def test_the_grids_that_are_shipped(path: Path) -> None:
    cells = grid.load(path).cells()
    assert cells
    assert len({cell.key("d") for cell in cells}) == len(cells)

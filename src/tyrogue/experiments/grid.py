"""A grid file: datasets x strategies x models x seeds, written down as TOML."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

from tyrogue.errors import BadInput, UsageError
from tyrogue.experiments.simulate import Start
from tyrogue.view import Mode

DEFAULT = "default"
"""The encoder that a grid has when it names none."""

PROTOCOL = 1
"""Part of every run's key: raised when what a run does changes, so that old results are not taken for new."""


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset, or a fixed sample of it, perhaps with its pool made worse (`stress.STRESSES`)."""

    name: str
    train_rows: int | None = None
    test_rows: int | None = None
    stress: str | None = None


@dataclass(frozen=True)
class StrategyEntry:
    """A strategy with its parameters, and how its clusters and first batch are made.

    `name` is one of the table, or `package.module:Class` for one's own.
    """

    name: str
    label: str = ""
    mode: Mode | None = None
    start: Start | None = None
    set: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelEntry:
    """A model, its weights and its training recipe."""

    name: str = "linear"
    checkpoint: str | None = None
    recipe: str | None = None
    continue_training: bool | None = None
    """Go on training the last round's model; by default as the recipe says."""
    label: str = ""
    acquired_by: str | None = None
    """The model that the strategy asks ("linear"), where this one is only trained on what that one chose."""
    self_training: bool | None = None
    """Train twice: on the labels, then also on unlabeled texts about which the model and their neighbours agree."""
    pretrain_steps: int | None = None
    """Let the weights read the pool first, for so many steps of masked language modelling."""
    set: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One run. `kind` is `curve` (a learning curve), `full` (all of train) or `map` (`full`, and a picture)."""

    grid: str
    kind: str
    dataset: DatasetEntry
    strategy: StrategyEntry
    model: ModelEntry
    mode: Mode
    start: Start
    batch: int
    budget: int
    seed: int
    at: tuple[int, ...] = ()
    encoder: str = ""
    """Of the frozen embeddings; empty for the default one."""
    source: str = ""
    """Hash of the file of a strategy of one's own: a changed one is another strategy."""

    def key(self, digest: str) -> str:
        """Gives the run's file name: readable, and a hash of all that decides its outcome.

        The grid's name and the label do not: two grids share the runs that they have in common.
        """
        decisive = _set_values({k: v for k, v in asdict(self).items() if k != "grid"})
        for part in ("strategy", "model"):
            decisive[part].pop("label", None)
        text = json.dumps([PROTOCOL, digest, decisive], sort_keys=True)
        short = self.strategy.name.rpartition(":")[2] if self.kind == "curve" else self.kind
        hashed = hashlib.sha256(text.encode()).hexdigest()[:10]
        return f"{self.dataset.name}-{short}-{self.model.name}-{self.seed}-{hashed}"


def _set_values(table: dict[str, Any]) -> dict[str, Any]:
    """Leaves out what is not set, so that an option added later does not change the keys of runs without it."""
    kept = {k: _set_values(v) if isinstance(v, dict) and k != "set" else v for k, v in table.items()}
    return {k: v for k, v in kept.items() if v is not None and v not in ("", {}, ())}


@dataclass(frozen=True)
class Grid:
    """All runs of a grid file."""

    name: str
    datasets: tuple[DatasetEntry, ...]
    strategies: tuple[StrategyEntry, ...]
    models: tuple[ModelEntry, ...]
    seeds: tuple[int, ...]
    title: str = ""
    full_seeds: tuple[int, ...] = ()
    map_seeds: tuple[int, ...] = ()
    batch: int = 50
    budget: int = 1000
    at: tuple[int, ...] = ()
    """Numbers of labels at which models are evaluated; after every batch when empty."""
    mode: Mode = "cached"
    start: Start = "cold"
    redundancy: bool = True
    encoder: str = DEFAULT

    def cells(self) -> list[Cell]:
        """Gives the runs, seeds outermost so that an unfinished grid already compares everything; maps last."""
        curves = [
            self._cell("curve", dataset, strategy, model, seed)
            for seed in self.seeds
            for dataset in self.datasets
            for model in self.models
            for strategy in self.strategies
        ]
        full = [
            self._cell("full", d, StrategyEntry("full"), m, s)
            for s in self.full_seeds
            for d in self.datasets
            for m in self.models
        ]
        maps = [
            self._cell("map", d, StrategyEntry("full"), m, s)
            for s in self.map_seeds
            for d in self.datasets
            for m in self.models
        ]
        return [*full, *curves, *maps]

    def _cell(self, kind: str, dataset: DatasetEntry, strategy: StrategyEntry, model: ModelEntry, seed: int) -> Cell:
        mode = strategy.mode or self.mode
        # A linear model's own features are the frozen embeddings: both modes are one, and run once.
        mode = "cached" if "linear" in (model.name, model.acquired_by) else mode
        start = strategy.start or self.start
        batch, budget = (self.batch, self.budget) if kind == "curve" else (0, 0)
        at = self.at if kind == "curve" else ()
        strategy = replace(strategy, mode=None, start=None)
        encoder = "" if self.encoder == DEFAULT else self.encoder
        return Cell(self.name, kind, dataset, strategy, model, mode, start, batch, budget, seed, at, encoder)


T = TypeVar("T")
AXES: dict[str, type[Any]] = {"datasets": DatasetEntry, "strategies": StrategyEntry, "models": ModelEntry}


def load(path: Path, overrides: Sequence[str] = ()) -> Grid:
    """Reads a grid file; `overrides` are "key=value" in TOML's notation, with `model.recipe=...` for all models
    and `name.parameter=...` for a strategy.

    Raises:
        BadInput: not TOML, an unknown key, or a value of the wrong kind; names the file.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}.", source=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"is not TOML: {error}.", source=path) from error
    for text in overrides:
        _override(table, *setting(text))
    try:
        return parse(table, default_name=path.stem)
    except UsageError as error:
        raise BadInput(str(error), source=path) from error


def setting(text: str) -> tuple[str, Any]:
    """Gives key and value of "key=value"; a value that is no TOML is a string."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"--set {text!r} is not of the form key=value.")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def _override(table: dict[str, Any], key: str, value: Any) -> None:
    owner, _, name = key.rpartition(".")
    if not owner:
        table[key] = value
    elif owner in ("model", "dataset"):
        table[f"{owner}s"] = [{**_as_table(entry), name: value} for entry in table.get(f"{owner}s", [])]
    else:
        entries = [_as_table(entry) for entry in table.get("strategies", [])]
        for entry in entries:
            if owner in ("strategy", entry.get("name")):
                entry["set"] = {**entry.get("set", {}), name: value}
        table["strategies"] = entries


def _as_table(entry: Any) -> dict[str, Any]:
    return dict(entry) if isinstance(entry, Mapping) else {"name": entry}


def parse(table: Mapping[str, Any], *, default_name: str = "grid") -> Grid:
    """Gives the grid that a TOML table describes.

    Raises:
        UsageError: an unknown key, an empty axis, or a value that cannot be.
    """
    known = {f.name for f in fields(Grid)}
    if unknown := set(table) - known:
        raise UsageError(f"Unknown key {sorted(unknown)[0]!r}. Known: {', '.join(sorted(known))}.")
    values: dict[str, Any] = {"name": default_name, "seeds": ()}
    values |= {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    values |= {key: _entries(kind, table, key) for key, kind in AXES.items()}
    grid = Grid(**values)
    _check(grid)
    return grid


def _entries(kind: type[T], table: Mapping[str, Any], key: str) -> tuple[T, ...]:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    entries = []
    for entry in map(_as_table, table.get(key, ())):
        if unknown := set(entry) - known:
            raise UsageError(f"Unknown key {sorted(unknown)[0]!r} in {key}. Known: {', '.join(sorted(known))}.")
        entries.append(kind(**entry))
    return tuple(entries)


def _check(grid: Grid) -> None:
    for name in ("datasets", "models"):
        if not getattr(grid, name):
            raise UsageError(f"The grid has no {name}: nothing would be run.")
    if not (grid.strategies and grid.seeds) and not (grid.full_seeds or grid.map_seeds):
        raise UsageError("The grid has no strategies with seeds, and no full_seeds: nothing would be run.")
    if grid.batch < 1 or grid.budget < 1:
        raise UsageError(f"batch = {grid.batch} and budget = {grid.budget} must be at least 1.")
    for entry in (grid, *grid.strategies):
        for name, allowed in (("mode", get_args(Mode)), ("start", get_args(Start))):
            value = getattr(entry, name)
            if value is not None and value not in allowed:
                raise UsageError(f"{name} = {value!r} must be one of {', '.join(allowed)}.")


def shard(cells: Sequence[T], text: str) -> list[T]:
    """Gives the i-th of n parts of a grid, "i/n" counted from 1; the parts are disjoint and cover it.

    Raises:
        UsageError: not of that form.
    """
    i, slash, n = text.partition("/")
    if not (slash and i.isdigit() and n.isdigit() and 1 <= int(i) <= int(n)):
        raise UsageError(f"--shard {text!r} is not of the form i/n with 1 <= i <= n, such as 2/4.")
    return list(cells[int(i) - 1 :: int(n)])

"""Results in the order in which one asks about them: model, dataset, strategy, seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tyrogue.experiments import metrics
from tyrogue.experiments.compare import Cell
from tyrogue.experiments.metrics import Cost
from tyrogue.experiments.results import Record

SHARES = (0.85, 0.90, 0.95)

PAPER_ORDER = ("random", "entropy", "cal", "ftbertkm", "alps", "badge", "tyrogue")


@dataclass(frozen=True)
class Arm:
    """A strategy with its settings: one line in a figure, one row of a table."""

    name: str
    """Of the strategy, as in the table of strategies."""
    title: str
    """Tells it apart from the other arms of its chapter."""
    variant: int = 0
    """Which of the arms of this strategy, from 0."""


@dataclass
class Chapter:
    """All runs of one model and recipe."""

    title: str
    datasets: list[str]
    arms: list[Arm]
    runs: dict[tuple[str, str], list[Record]]
    """Finished curves by dataset and title of the arm, by seed."""
    full: dict[str, list[float]]
    """Macro-F1 of the model trained on all of train, one for each seed, by dataset."""
    maps: dict[str, Record] = field(default_factory=dict)
    finished: list[Record] = field(default_factory=list)
    unfinished: list[Record] = field(default_factory=list)
    full_recipes: tuple[str, ...] = ()
    """How the fully supervised models were trained, where that is not how the others were."""
    tuned_on: frozenset[str] = frozenset()
    """Datasets that something was tuned on: shown, and left out where it is judged."""

    def records(self, dataset: str, arm: Arm) -> list[Record]:
        return self.runs.get((dataset, arm.title), [])

    def bar(self, dataset: str, share: float) -> float | None:
        """Gives share * mean F1 of the fully supervised models; None when none was trained."""
        values = self.full.get(dataset)
        return share * float(np.mean(values)) if values else None

    def costs(self, dataset: str, arm: Arm, share: float) -> list[Cost]:
        """Gives the true labels that each seed took to reach a share of the full F1, for good."""
        bar = self.bar(dataset, share)
        if bar is None:
            return []
        return [metrics.sustained_cost(*record.curve(), bar) for record in self.records(dataset, arm)]

    def published_costs(self, dataset: str, arm: Arm, share: float) -> list[float]:
        """Gives the same in the paper's definition."""
        if not self.full.get(dataset):
            return []
        full = float(np.mean(self.full[dataset]))
        return [
            metrics.published_cost(*r.curve(), full, share, batch=int(r.config["batch"]))
            for r in self.records(dataset, arm)
        ]

    def areas(self) -> dict[str, dict[Cell, float]]:
        """Gives the area under the macro-F1 curve by arm, dataset and seed."""
        return {
            arm.title: {
                (dataset, int(record.config["seed"])): metrics.area(*record.curve())
                for dataset in self.datasets
                for record in self.records(dataset, arm)
            }
            for arm in self.arms
        }

    def over_rounds(self, dataset: str, arm: Arm, name: str) -> tuple[list[int], NDArray[np.float64]]:
        """Gives numbers of labels, and (seeds, rounds) values of a score or of a redundancy metric."""
        records = self.records(dataset, arm)
        length = min((len(r.rounds) for r in records), default=0)
        values = np.array([[_value(round, name) for round in r.rounds[:length]] for r in records], np.float64)
        return ([round.labeled for round in records[0].rounds[:length]] if records else []), values

    def seconds(self, dataset: str, arm: Arm, part: str = "acquire_seconds") -> list[float]:
        """Gives each seed's mean seconds a batch, those of the first evaluation left out as in the paper."""
        return [
            sum(getattr(round, part) for round in record.rounds[1:])
            / sum(len(round.batches) or 1 for round in record.rounds[1:])
            for record in self.records(dataset, arm)
            if len(record.rounds) > 1
        ]


def _value(round: Any, name: str) -> float:
    return (
        float(round.redundancy.get(name, np.nan)) if name in round.redundancy else float(getattr(round, name, np.nan))
    )


def chapters(records: Iterable[Record], tuned_on: Iterable[str] = ()) -> list[Chapter]:
    """Gives one chapter for each model and recipe, the richest first."""
    tuned = frozenset(tuned_on)
    by_model: dict[str, list[Record]] = {}
    for record in _each_once(records):
        by_model.setdefault(model_title(record.config), []).append(record)
    found = [replace(_chapter(title, group), tuned_on=tuned) for title, group in by_model.items()]
    return sorted(found, key=lambda chapter: (-sum(map(len, chapter.runs.values())), chapter.title))


def _each_once(records: Iterable[Record]) -> list[Record]:
    """Gives one record for each run: grids share runs, so several folders may hold the same; a finished one counts."""
    by_key: dict[tuple[str, str], Record] = {}
    for record in records:
        # The same run under two labels is shown twice on purpose: one may be of a rule that has changed since.
        key = str(record.config.get("key", record.path)), str(record.config["strategy"].get("label"))
        known = by_key.setdefault(key, record)
        if known.done is None and record.done is not None:
            by_key[key] = record
    return list(by_key.values())


def model_title(config: dict[str, Any]) -> str:
    """Gives a model's name, weights and recipe in words."""
    model = config["model"]
    if model.get("label"):
        return str(model["label"])
    parts = [model["name"], model.get("checkpoint"), f"{model['recipe']} recipe" if model.get("recipe") else None]
    parts += [f"{key} = {value}" for key, value in sorted(model.get("set", {}).items())]
    parts.append("continued training" if model.get("continue_training") else None)
    parts.append("self-training" if model.get("self_training") else None)
    parts.append(f"{model['pretrain_steps']} steps on the pool" if model.get("pretrain_steps") else None)
    parts.append(f"on what the {model['acquired_by']} model chose" if model.get("acquired_by") else None)
    return ", ".join(str(part) for part in parts if part)


def _chapter(title: str, records: Sequence[Record]) -> Chapter:
    names = _dataset_names(records)
    curves = [r for r in records if r.config["kind"] == "curve"]
    arms = _arms(curves)
    runs: dict[tuple[str, str], list[Record]] = {}
    for record in sorted((r for r in curves if r.done), key=lambda r: int(r.config["seed"])):
        at = (names[record.config["dataset"]["digest"]], arms[_settings(record.config)].title)
        runs.setdefault(at, []).append(record)
    full: dict[str, dict[int, float]] = {}  # a map's model is one of the full ones: each seed counts once
    for record in records:
        if record.config["kind"] in ("full", "map") and record.rounds:
            of_dataset = full.setdefault(names[record.config["dataset"]["digest"]], {})
            of_dataset[int(record.config["seed"])] = record.rounds[-1].macro_f1
    return Chapter(
        title,
        datasets=list(dict.fromkeys(names[r.config["dataset"]["digest"]] for r in _by_size(records))),
        arms=sorted(dict.fromkeys(arms.values()), key=_arm_order),
        runs=runs,
        full={dataset: [by_seed[seed] for seed in sorted(by_seed)] for dataset, by_seed in full.items()},
        maps={
            names[r.config["dataset"]["digest"]]: r for r in records if r.config["kind"] == "map" and r.done is not None
        },
        finished=[r for r in records if r.done is not None],
        unfinished=[r for r in records if r.done is None],
        full_recipes=_full_recipes(records),
    )


def _full_recipes(records: Sequence[Record]) -> tuple[str, ...]:
    """Gives the recipes of the models trained on everything that no curve has: a label may hide another recipe."""
    told: dict[bool, set[str]] = {True: set(), False: set()}
    for record in records:
        model = record.config["model"]
        settings = [f"{key} = {value}" for key, value in sorted(model.get("set", {}).items())]
        named = ", ".join([f"the recipe {model['recipe']}" if model.get("recipe") else "no recipe", *settings])
        told[record.config["kind"] == "curve"].add(named)
    return tuple(sorted(told[False] - told[True])) if told[True] else ()


def _by_size(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda r: (r.config["dataset"]["name"], -r.config["dataset"]["train"]))


def _dataset_names(records: Sequence[Record]) -> dict[str, str]:
    """Gives a name for each digest: two samples of one dataset must not be averaged."""
    described: dict[str, dict[str, Any]] = {r.config["dataset"]["digest"]: r.config["dataset"] for r in records}
    plain = {digest: ", ".join(filter(None, (d["name"], d.get("stress")))) for digest, d in described.items()}
    names = list(plain.values())

    def told_apart(digest: str) -> str:
        d, title = described[digest], plain[digest]
        return title if names.count(title) == 1 else f"{title} ({d['train']:,} / {d['test']:,})"

    return {digest: told_apart(digest) for digest in plain}


PROTOCOL = ("batch", "budget", "at", "encoder")
"""What else two runs must have in common to be averaged."""

Settings = tuple[str, str, str, str, tuple[tuple[str, Any], ...], tuple[tuple[str, str], ...]]


def _settings(config: dict[str, Any]) -> Settings:
    s = config["strategy"]
    parameters = tuple(sorted((k, str(v)) for k, v in s.get("parameters", {}).items()))
    protocol = tuple((name, _told(config.get(name))) for name in PROTOCOL)
    return (s["name"], s.get("label", s["name"]), config["mode"], config["start"], parameters, protocol)


def _told(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")


def _arms(curves: Sequence[Record]) -> dict[Settings, Arm]:
    """Names the arms: the label alone where it is enough, else with what differs among those of that label."""
    found = list(dict.fromkeys(_settings(record.config) for record in curves))
    arms: dict[Settings, Arm] = {}
    for settings in sorted(found, key=_variant_order):
        alike = [other for other in found if other[1] == settings[1]]
        differing = [f"{k} {v}" for k, v in _flat(settings).items() if len({_flat(o).get(k) for o in alike}) > 1]
        variant = sum(arm.name == settings[0] for arm in arms.values())
        arms[settings] = Arm(settings[0], settings[1] + (f" ({', '.join(differing)})" if differing else ""), variant)
    return arms


def _variant_order(settings: Settings) -> tuple[Any, ...]:
    """Puts r = 2 before r = 10, and the paper's setting first: it has the strategy's colour and published values."""
    numbers = [float(v) if v.replace(".", "", 1).isdigit() else 0.0 for _, v in settings[4]]
    name, label, mode, start, parameters, protocol = settings
    usual = {"ratio": "3", "candidates": "10000"}
    unusual = [dict(parameters).get(key, value) != value for key, value in usual.items()]
    return (name, unusual, mode != "current", numbers, label, start, parameters, protocol)


def _flat(settings: Settings) -> dict[str, str]:
    return {"mode": settings[2], "start": settings[3], **{k: str(v) for k, v in settings[4]}, **dict(settings[5])}


def _arm_order(arm: Arm) -> tuple[int, str, int]:
    place = PAPER_ORDER.index(arm.name) if arm.name in PAPER_ORDER else len(PAPER_ORDER)
    return (place, arm.name, arm.variant)

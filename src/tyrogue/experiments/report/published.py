"""The paper's own tables, as published (Maekawa et al., Findings of EMNLP 2022, CC BY 4.0)."""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib.resources import files

from tyrogue.experiments.metrics import Interval

CITATION = "Maekawa et al. (2022), as published"


@lru_cache(maxsize=1)
def labeling_costs() -> dict[tuple[str, int, str], Interval | None]:
    """Gives Table 2 by strategy, percent and dataset: labels used minus the first 50; None where the bar was missed."""
    return {
        (row["strategy"], int(row["target_percent"]), row["dataset"]): _interval(row, "labeling_cost")
        for row in _rows("table2_labeling_cost.csv")
    }


@lru_cache(maxsize=1)
def acquisition_seconds() -> dict[tuple[str, str], Interval | None]:
    """Gives Table 3 by strategy and dataset: seconds a round on a node with 8 A100."""
    return {
        (row["strategy"], row["dataset"]): _interval(row, "seconds") for row in _rows("table3_acquisition_seconds.csv")
    }


@lru_cache(maxsize=1)
def candidate_costs() -> dict[tuple[int, int, str], Interval | None]:
    """Gives Table 4 by number of candidates, percent and dataset."""
    return {
        (_candidates(row["variant"]), int(row["target_percent"]), row["dataset"]): _interval(row, "labeling_cost")
        for row in _rows("table4_drand.csv")
    }


@lru_cache(maxsize=1)
def full_f1() -> dict[str, float]:
    """Gives by dataset the macro-F1 of bert-base-cased trained on all of train, from the authors' notebook."""
    return {row["dataset"]: float(row["full_macro_f1_in_authors_notebook"]) for row in _rows("table1_datasets.csv")}


@lru_cache(maxsize=1)
def train_sizes() -> dict[str, int]:
    """Gives the size of the paper's pools."""
    return {row["dataset"]: int(row["train"]) for row in _rows("table1_datasets.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    with (files("tyrogue.experiments") / "paper" / name).open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _interval(row: dict[str, str], column: str) -> Interval | None:
    if not row[column]:
        return None
    return Interval(float(row[column]), float(row["ci95_half_width"] or "nan"))


def _candidates(variant: str) -> int:
    """Gives 5000 of "TYROGUE_DR5k"."""
    return int(variant.rpartition("DR")[2].rstrip("k")) * 1000

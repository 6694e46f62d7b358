"""The main job from the command line alone, on real texts and pairs of texts: import, query, teach, export, predict."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from terminal import Terminal

BATCH, ROUNDS = 20, 3


def rounds(tyrogue: Terminal, place: str, gold: dict[str, str], folder: Path) -> None:
    """Answers some batches from the gold labels."""
    for number in range(ROUNDS):
        batch = folder / f"batch-{number}.csv"
        told = tyrogue("query", place, "-o", batch)
        assert told.code == 0, told.err
        asked = pd.read_csv(batch, dtype=str)
        assert len(asked) == BATCH
        asked.assign(label=[gold[i] for i in asked.id]).to_csv(batch, index=False)
        assert tyrogue("teach", place, batch).out.strip() == f"{BATCH} labels recorded"


@pytest.mark.parametrize(
    ("name", "columns", "classes"),
    [
        ("ag_news", ["text"], ["World", "Sports", "Business", "Sci-Tech"]),
        ("qqp", ["text", "text_pair"], ["different", "same"]),
    ],
)
def test_from_file_to_predictions(
    tyrogue: Terminal, datasets_dir: Path, tmp_path: Path, name: str, columns: list[str], classes: list[str]
) -> None:
    pool = pd.read_parquet(datasets_dir / name / "train.parquet").sample(400, random_state=0)
    pool["id"] = [f"t{i}" for i in range(len(pool))]
    gold = {i: classes[label] for i, label in zip(pool.id, pool.label, strict=True)}
    file = tmp_path / "texts.csv"
    pool[["id", *columns]].to_csv(file, index=False)
    told = tyrogue("import", file, "--labels", ",".join(classes), "--model", "linear", "--batch", BATCH)
    assert told.code == 0, told.err
    place = told.out.strip()
    rounds(tyrogue, place, gold, tmp_path)

    told = tyrogue("export", place, "--labels", tmp_path / "labels.csv", "--model", tmp_path / "model")
    assert told.code == 0, told.err
    labels = pd.read_csv(tmp_path / "labels.csv", dtype=str)
    assert len(labels) == ROUNDS * BATCH
    assert set(columns) <= set(labels.columns)
    assert all(gold[i] == label for i, label in zip(labels.id, labels.label, strict=True))
    assert set(labels.kind) == {"query", "reference"}

    by_project, by_model = (
        tyrogue("predict", where, file, "-o", tmp_path / f"{n}.csv")
        for n, where in enumerate((place, tmp_path / "model"))
    )
    assert by_project.code == by_model.code == 0, by_project.err + by_model.err
    ours, exported = pd.read_csv(tmp_path / "0.csv"), pd.read_csv(tmp_path / "1.csv")
    assert (ours.id == exported.id).all()
    # The frozen encoder of the project computes in bfloat16 where the processor has it.
    assert (ours[classes] - exported[classes]).abs().to_numpy().max() < 0.05
    assert (ours.label == exported.label).mean() > 0.97

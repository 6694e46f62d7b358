"""A task from two files of labeled texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tyrogue.corpus.reading import read_records
from tyrogue.errors import BadInput
from tyrogue.experiments.data import Examples, Task
from tyrogue.types import Text

Labeled = tuple[list[Text], list[str]]


def read_labeled(path: Path) -> Labeled:
    """Gives texts and class names of a file (CSV, TSV, JSONL, Parquet) with `text`, `label` and perhaps `text_pair`.

    Raises:
        BadInput: a row without a label, or a file that is not what it should be.
    """
    texts: list[Text] = []
    names: list[str] = []
    for record in read_records(path):
        if record.gold is None:
            raise BadInput(
                f"row {record.row + 1} has no label.",
                source=path,
                remedy="In a simulation the labels that the file gives answer: every row needs one, in column 'label'.",
            )
        texts.append(record.content)
        names.append(record.gold)
    return texts, names


def read_task(train: Path, test: Path) -> Task:
    """Gives the task of a training and a test file; classes are numbered by name.

    Raises:
        BadInput: a file is not what it should be, the test file has a class that the training file lacks, or
            one file has pairs and the other has not.
    """
    (texts, names), (test_texts, test_names) = read_labeled(train), read_labeled(test)
    classes = tuple(sorted(set(names), key=_by_number_then_name))
    number = {name: i for i, name in enumerate(classes)}
    if unknown := sorted(set(test_names) - number.keys()):
        raise BadInput(
            f"holds the class {unknown[0]!r}, which {train} does not.",
            source=test,
            remedy=f"Its classes are {', '.join(classes)}.",
        )
    if {type(text) for text in texts} != {type(text) for text in test_texts}:
        raise BadInput(
            f"one of {train.name} and {test.name} holds pairs of texts and the other single texts.", source=test
        )
    return Task(
        train.stem,
        classes,
        Examples(texts, np.array([number[name] for name in names])),
        Examples(test_texts, np.array([number[name] for name in test_names])),
    )


def write_task(task: Task, folder: Path) -> None:
    """Writes a task as `train.parquet` and `test.parquet`, labels by name: what `bench --data` finds by its folder's
    name, and `simulate` takes as two files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    for name, examples in (("train", task.train), ("test", task.test)):
        columns: dict[str, list[str]] = {"text": [t if isinstance(t, str) else t[0] for t in examples.texts]}
        if any(not isinstance(text, str) for text in examples.texts):
            columns["text_pair"] = [t[1] for t in examples.texts if not isinstance(t, str)]
        columns["label"] = [task.classes[label] for label in examples.labels.tolist()]
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def _by_number_then_name(name: str) -> tuple[int, str]:
    return (int(name), name) if name.isdecimal() else (-1, name)

"""The paper's datasets: from folders as they are, from the hub split as the paper does."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tyrogue.corpus.datasets import DATASETS, load
from tyrogue.errors import BadInput, MissingExtra, UnknownName


def test_the_papers_eight_are_there() -> None:
    paper = {name for name, dataset in DATASETS.items() if dataset.paper}
    assert paper == {"paws_qqp", "qnli", "imdb", "sst2", "ag_news", "pubmed", "qqp", "dbpedia14"}


def test_every_dataset_of_the_folder_loads(datasets_dir: Path) -> None:
    names = sorted(folder.name for folder in datasets_dir.iterdir() if (folder / "meta.json").is_file())
    assert set(names) <= set(DATASETS)
    hashes = set()
    for name in names:
        meta = json.loads((datasets_dir / name / "meta.json").read_text(encoding="utf-8"))
        split = load(name, datasets_dir)
        assert (len(split.train_texts), len(split.test_texts)) == (meta["n_train"], meta["n_test"])
        assert split.classes == tuple(meta["classes"])
        assert np.bincount(split.train_labels).tolist() == meta["class_counts"]["train"]
        assert split.train_labels.dtype == split.test_labels.dtype == np.int64
        assert isinstance(split.train_texts[0], tuple) == DATASETS[name].pair
        hashes.add(split.hash)
    assert len(hashes) == len(names)


def folder_with(tmp_path: Path, texts: list[str], labels: list[int]) -> Path:
    (tmp_path / "sst2").mkdir(exist_ok=True)
    for part in ("train", "test"):
        pq.write_table(
            pa.table({"text": texts, "label": pa.array(labels, pa.int32())}), tmp_path / "sst2" / f"{part}.parquet"
        )
    (tmp_path / "sst2" / "meta.json").write_text('{"classes": ["negative", "positive"]}')
    return tmp_path


def test_hash_knows_texts_labels_and_order(tmp_path: Path) -> None:
    variants = [(["a", "b"], [0, 1]), (["b", "a"], [0, 1]), (["a", "b"], [1, 0]), (["ab", ""], [0, 1])]
    hashes = [load("sst2", folder_with(tmp_path, *variant)).hash for variant in variants]
    assert len(set(hashes)) == 4
    assert load("sst2", folder_with(tmp_path, *variants[0])).hash == hashes[0]


def test_folder_that_is_not_whole(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"'sst2' cannot be read.*train\.parquet and test\.parquet"):
        load("sst2", tmp_path)
    with pytest.raises(BadInput, match="line 2: label 2 is none of the 2 classes"):
        load("sst2", folder_with(tmp_path, ["a", "b"], [0, 2]))


def test_name_that_is_not_known() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'ag_news'"):
        load("agnews")


def test_paws_is_only_had_from_a_folder() -> None:
    with pytest.raises(BadInput, match=r"not on the hub.*--data DIR"):
        load("paws_qqp")


class Hub:
    """Stands in for `datasets.load_dataset`: datasets of the published columns, n rows a class."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, columns: list[str], names: list[str], n: int) -> None:
        self.datasets = pytest.importorskip("datasets")
        self.columns, self.names, self.n = columns, names, n
        self.asked: list[tuple[Any, ...]] = []
        monkeypatch.setattr(self.datasets, "load_dataset", self.load)

    def load(self, *args: Any) -> Any:
        self.asked.append(args)
        return {part: self.part(part) for part in ("train", "validation", "test")}

    def part(self, part: str) -> Any:
        size = self.n * len(self.names) if part == "train" else 200
        texts = {column: [f"{part} {column} {i}" for i in range(size)] for column in self.columns}
        features = {column: self.datasets.Value("string") for column in self.columns}
        features["label"] = self.datasets.ClassLabel(names=self.names)
        labels = [i % len(self.names) for i in range(size)]
        return self.datasets.Dataset.from_dict({**texts, "label": labels}, features=self.datasets.Features(features))


@pytest.mark.parametrize(("name", "share", "test"), [("qnli", 0.05, "validation"), ("qqp", 0.1, "validation")])
def test_pairs_of_glue(monkeypatch: pytest.MonkeyPatch, name: str, share: float, test: str) -> None:
    published = DATASETS[name].published
    assert published is not None
    assert published.text_pair is not None
    hub = Hub(monkeypatch, [published.text, published.text_pair], ["yes", "no"], 100)
    split = load(name)
    assert hub.asked == [("nyu-mll/glue", name)]
    assert len(split.train_texts) == round(200 * (1 - share))
    assert set(Counter(split.train_labels.tolist()).values()) == {round(100 * (1 - share))}  # stratified
    assert split.test_texts[3] == (f"{test} {published.text} 3", f"{test} {published.text_pair} 3")
    assert len(split.test_texts) == 200  # not doubled, as the authors' loader does by mistake


@pytest.mark.parametrize(("name", "share"), [("imdb", 0.1), ("ag_news", 0.05), ("pubmed", 0.0)])
def test_single_texts(monkeypatch: pytest.MonkeyPatch, name: str, share: float) -> None:
    Hub(monkeypatch, ["text"], ["a", "b"], 100)
    split = load(name)
    assert len(split.train_texts) == len(set(split.train_texts)) == round(200 * (1 - share))
    for text, label in zip(split.train_texts, split.train_labels.tolist(), strict=True):
        assert isinstance(text, str)
        assert int(text.split()[-1]) % 2 == label
    assert split.test_texts[0] == "test text 0"
    assert load(name).hash == split.hash


def test_dbpedia_is_cut_to_twenty_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    Hub(monkeypatch, ["title", "content"], [f"class {i}" for i in range(14)], 2000)
    split = load("dbpedia14")
    assert len(split.train_texts) == 20_000
    counts = Counter(split.train_labels.tolist())
    assert max(counts.values()) - min(counts.values()) <= 1
    assert split.test_texts[5] == "test title 5,test content 5"


def test_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")

    def load_dataset(*args: Any) -> Any:
        raise ConnectionError("offline")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(BadInput, match=r"could not be loaded.*ConnectionError: offline.*--data DIR"):
        load("imdb")
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(MissingExtra, match="hub"):
        load("imdb")

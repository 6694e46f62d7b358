"""The paper's datasets by name, split as the paper splits them (Maekawa et al., 2022, Table 1).

From a folder of Parquet files when one is given, else through Hugging Face `datasets`. What was loaded is told apart
by a hash of all its texts and labels, which every result records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tyrogue.errors import BadInput, MissingExtra, UnknownName
from tyrogue.types import Labels, Text

SPLIT_SEED = 42
"""The paper's, for what it sets aside as validation data."""


@dataclass(frozen=True)
class Published:
    """Where a dataset is on the hub, and how the paper cuts it."""

    path: str
    config: str | None = None
    text: str = "text"
    text_pair: str | None = None
    title: str | None = None
    """A column put before the text, with a comma."""
    label: str = "label"
    test: str = "test"
    """GLUE's own test labels are not public: its validation split is the test set."""
    validation: float = 0.0
    """Share of train that is set aside, stratified, and not used."""
    train_size: int | None = None
    """Rows of train that are kept, stratified, after that."""


@dataclass(frozen=True)
class Dataset:
    """A name that `load` knows."""

    title: str
    pair: bool = False
    paper: bool = True
    """Whether the paper uses it."""
    published: Published | None = None
    """None: only from a folder."""


# The shares are those of the authors' code; the paper's appendix exchanges those of QNLI and QQP.
DATASETS: Mapping[str, Dataset] = {
    "paws_qqp": Dataset("PAWS-QQP", pair=True),  # its licence forbids handing it out; built by its script
    "qnli": Dataset(
        "QNLI",
        pair=True,
        published=Published("nyu-mll/glue", "qnli", "question", "sentence", test="validation", validation=0.05),
    ),
    "imdb": Dataset("IMDB", published=Published("stanfordnlp/imdb", validation=0.1)),
    "sst2": Dataset(
        "SST-2", published=Published("nyu-mll/glue", "sst2", "sentence", test="validation", validation=0.1)
    ),
    "ag_news": Dataset("AG News", published=Published("fancyzhx/ag_news", validation=0.05)),
    "pubmed": Dataset("PubMed 20k RCT", published=Published("armanc/pubmed-rct20k")),
    "qqp": Dataset(
        "QQP",
        pair=True,
        published=Published("nyu-mll/glue", "qqp", "question1", "question2", test="validation", validation=0.1),
    ),
    "dbpedia14": Dataset(
        "DBpedia",
        published=Published("fancyzhx/dbpedia_14", text="content", title="title", validation=0.05, train_size=20_000),
    ),
    "csabstruct": Dataset("CSAbstruct", paper=False),
    "nicta_piboso": Dataset("NICTA-PIBOSO", paper=False),
    "germeval2018": Dataset("GermEval 2018", paper=False),
}


@dataclass(frozen=True)
class Split:
    """A dataset cut into what may be asked about and what judges."""

    name: str
    train_texts: list[Text]
    train_labels: Labels
    """(n_train,), int64, positions in `classes`."""
    test_texts: list[Text]
    test_labels: Labels
    classes: tuple[str, ...]
    source: str
    """Where it came from."""

    @property
    def hash(self) -> str:
        """SHA-256 of all texts and labels in their order: equal hashes are the same experiment."""
        seen = sha256()
        for texts, labels in ((self.train_texts, self.train_labels), (self.test_texts, self.test_labels)):
            for text, label in zip(texts, labels.tolist(), strict=True):
                parts = (text,) if isinstance(text, str) else text
                seen.update(json.dumps([*parts, self.classes[label]], ensure_ascii=False).encode())
            seen.update(b"\n")
        return seen.hexdigest()


def load(name: str, data_dir: str | Path | None = None) -> Split:
    """Gives a dataset by its name in DATASETS.

    Args:
        name: what to load.
        data_dir: a folder that holds `NAME/train.parquet`, `NAME/test.parquet` and `NAME/meta.json` with `classes`;
            their split is taken as it is. None to load it from the hub and split it as the paper does.

    Raises:
        UnknownName: there is no such dataset.
        BadInput: it is not in the folder, or cannot be had from the hub.
        MissingExtra: the hub is asked for without the package `datasets`.
    """
    if name not in DATASETS:
        raise UnknownName("dataset", name, DATASETS)
    if data_dir is not None:
        return _from_folder(name, Path(data_dir) / name)
    published = DATASETS[name].published
    if published is None:
        raise BadInput(
            f"The dataset {name!r} is not on the hub.",
            remedy=f"Give a folder that has {name}/train.parquet: --data DIR.",
        )
    return _from_hub(name, published)


def _from_folder(name: str, folder: Path) -> Split:
    try:
        classes = tuple(map(str, json.loads((folder / "meta.json").read_text(encoding="utf-8"))["classes"]))
        parts = [_columns(pq.read_table(folder / f"{part}.parquet").to_pydict()) for part in ("train", "test")]
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise BadInput(
            f"the dataset {name!r} cannot be read ({type(error).__name__}: {error}).",
            source=folder,
            remedy="It needs train.parquet and test.parquet (text, label, perhaps text_pair), and meta.json (classes).",
        ) from error
    (train_texts, train_labels), (test_texts, test_labels) = parts
    for labels in (train_labels, test_labels):
        _check_labels(folder, labels, classes)
    return Split(name, train_texts, train_labels, test_texts, test_labels, classes, str(folder.name))


def _columns(table: Mapping[str, Sequence[Any]]) -> tuple[list[Text], Labels]:
    texts: list[Text] = list(table["text"])
    if "text_pair" in table:
        texts = list(zip(table["text"], table["text_pair"], strict=True))
    return texts, np.asarray(table["label"], np.int64)


def _check_labels(folder: Path, labels: Labels, classes: tuple[str, ...]) -> None:
    bad = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(bad):
        what = f"label {labels[bad[0]]} is none of the {len(classes)} classes of meta.json."
        raise BadInput(what, source=folder, line=int(bad[0]) + 1)


def _from_hub(name: str, published: Published) -> Split:
    try:
        import datasets
    except ImportError:
        raise MissingExtra("datasets", "hub", f"Loading {name!r} from the Hugging Face hub") from None
    where = published.path + (f":{published.config}" if published.config else "")
    try:
        loaded = datasets.load_dataset(published.path, published.config)
    except Exception as error:  # the library raises whatever its parts raise: network, hub, parsers
        raise BadInput(
            f"The dataset {name!r} ({where}) could not be loaded from the hub ({type(error).__name__}: {error}).",
            remedy="Check the network and HF_HUB_OFFLINE, or give a folder that has it: --data DIR.",
        ) from error
    classes, train = _published_columns(loaded["train"], published)
    _, test = _published_columns(loaded[published.test], published, classes)
    return Split(name, *_as_in_the_paper(train, published), *test, classes, f"{where}@{_fingerprint(loaded)}")


def _published_columns(
    part: Any, published: Published, classes: tuple[str, ...] | None = None
) -> tuple[tuple[str, ...], tuple[list[Text], Labels]]:
    texts: list[Text] = list(part[published.text])
    if published.title is not None:
        texts = [f"{title},{text}" for title, text in zip(part[published.title], texts, strict=True)]
    if published.text_pair is not None:
        texts = list(zip(part[published.text], part[published.text_pair], strict=True))
    labels, feature = list(part[published.label]), part.features[published.label]
    if classes is None:
        classes = tuple(feature.names) if hasattr(feature, "names") else tuple(sorted(set(labels)))
    if labels and isinstance(labels[0], str):
        position = {label: i for i, label in enumerate(classes)}
        labels = [position[label] for label in labels]
    return classes, (texts, np.asarray(labels, np.int64))


def _as_in_the_paper(train: tuple[list[Text], Labels], published: Published) -> tuple[list[Text], Labels]:
    """Gives train without its validation part, and of that the stratified sample that the paper takes."""
    texts, labels = train
    kept = np.arange(len(labels))
    if published.validation:
        kept = _stratified(kept, labels, test_size=published.validation)
    if published.train_size is not None and published.train_size < len(kept):
        kept = _stratified(kept, labels[kept], train_size=published.train_size)
    return [texts[row] for row in kept.tolist()], labels[kept]


def _stratified(rows: Labels, labels: Labels, **size: float) -> Labels:
    from sklearn.model_selection import train_test_split

    kept, _ = train_test_split(rows, stratify=labels, random_state=SPLIT_SEED, **size)
    return np.asarray(kept, np.int64)


def _fingerprint(loaded: Any) -> str:
    return str(getattr(loaded["train"], "_fingerprint", ""))

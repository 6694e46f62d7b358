"""Hugging Face datasets: by name from the hub, or a folder that `save_to_disk` wrote."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tyrogue.corpus.sources.base import Line
from tyrogue.errors import BadInput, MissingExtra

_NAME = re.compile(r"^(?:hf:)?(?P<path>[\w.-]+(?:/[\w.-]+)?)(?::(?P<config>[\w.-]+))?(?:@(?P<split>[\w.-]+))?$")
_BATCH = 1_000


class HubDataset:
    """A split of a dataset, read in batches.

    Args:
        dataset: a `datasets.Dataset` or `IterableDataset`.
        name: what messages call it.
    """

    def __init__(self, dataset: Any, name: str) -> None:
        self.name, self._dataset = name, dataset
        self.warnings: list[str] = []
        self._total = len(dataset) if hasattr(dataset, "__len__") else None
        self._done = 0
        features = dataset.features or {}
        self.columns = tuple(features) or tuple(dataset.column_names or ())
        self.class_names = {
            column: tuple(feature.names)
            for column, feature in features.items()
            if type(feature).__name__ == "ClassLabel"
        }

    def share(self) -> float:
        return self._done / self._total if self._total else math.nan

    def lines(self) -> Iterator[Line]:
        self._done = 0
        batches = self._dataset.iter(batch_size=_BATCH)
        while (batch := self._next(batches)) is not None:
            for values in zip(*batch.values(), strict=True):
                self._done += 1
                yield self._done, dict(zip(batch, values))

    def _next(self, batches: Iterator[dict[str, list[Any]]]) -> dict[str, list[Any]] | None:
        try:
            return next(batches, None)
        except Exception as error:  # the library raises whatever its parts raise
            raise BadInput(
                f"broke off after {self._done:,} rows ({type(error).__name__}: {_first_line(error)}).",
                source=self.name,
                remedy="Nothing was imported; run the same command again.",
            ) from error


def is_saved_dataset(folder: Path) -> bool:
    """Whether `save_to_disk` wrote this folder."""
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def open_saved(folder: Path) -> HubDataset:
    """Opens a folder that `save_to_disk` wrote; its train split when it has several."""
    datasets = _library("Reading a saved Hugging Face dataset")
    try:
        loaded = datasets.load_from_disk(str(folder))
    except Exception as error:  # the library raises whatever its parts raise
        raise BadInput(f"cannot be read as a saved dataset ({_first_line(error)}).", source=folder) from error
    if not isinstance(loaded, dict):
        return HubDataset(loaded, str(folder))
    split = "train" if "train" in loaded else next(iter(loaded))
    source = HubDataset(loaded[split], f"{folder} (split {split})")
    if len(loaded) > 1:
        source.warnings.append(
            f"Imported the split {split!r} only; there are also {', '.join(s for s in loaded if s != split)}."
        )
    return source


def is_name(source: str) -> bool:
    """Whether this could be the name of a dataset: `name`, `owner/name`, `owner/name:config@split`."""
    return bool(_NAME.match(source))


def open_name(source: str) -> HubDataset:
    """Opens a dataset of the hub, streaming: the train split unless `@split` names another.

    HF_HOME and HF_HUB_OFFLINE are the library's and are respected.
    """
    datasets = _library(f"There is no file named {source!r}; reading it as a Hugging Face dataset")
    match = _NAME.match(source)
    path, config, split = (
        (match["path"], match["config"], match["split"] or "train") if match else (source, None, "train")
    )
    try:
        dataset = datasets.load_dataset(path, config, split=split, streaming=True)
        if dataset.features is None:  # known only after a look at the first rows
            dataset = dataset._resolve_features()
    except Exception as error:  # the library raises whatever its parts raise: network, hub, parsers
        raise BadInput(
            f"There is no file named {source!r}, and no dataset of this name could be loaded from the Hugging Face hub "
            f"({type(error).__name__}: {_first_line(error)}).",
            remedy="Check the path; for a dataset its name (owner/name:config@split), the network and HF_HUB_OFFLINE.",
        ) from error
    return HubDataset(dataset, source)


def _library(purpose: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise MissingExtra("datasets", "hub", purpose) from None
    return datasets


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:300]

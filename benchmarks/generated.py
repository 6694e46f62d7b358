"""Generated pools of any size: texts of about 64 tokens in topics, imported as a user's file is, with embeddings."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.encoders import SentenceEncoder, open_encoder
from tyrogue.encoders.vectors import VectorFile
from tyrogue.labeling.plan import Plan
from tyrogue.store import Store
from tyrogue.types import Floats, Rows

BATCH, RATIO, CLASSES = 50, 3, 4
WORDS, TOPICS, TOPIC_WORDS, FEWEST, MOST = 8_000, 200, 300, 46, 78
ENCODED, NOISE = 2_048, 0.1
Figures = dict[str, Any]


def words() -> list[str]:
    """Gives words that are one token each: what a word list of the default tokenizer holds."""
    known = open_encoder().tokenizer.get_vocab()
    plain = sorted(word for word in known if word.isascii() and word.isalpha() and 3 <= len(word) <= 12)
    return [str(word) for word in np.random.default_rng(0).permutation(plain)[:WORDS]]


def texts(n: int, listed: Sequence[str]) -> Iterator[list[str]]:
    """Gives n texts of 46 to 78 words in blocks: each of a topic, three words in four from the topic's own."""
    rng, table = np.random.default_rng(1), np.array(listed)
    topics = rng.integers(len(listed), size=(TOPICS, TOPIC_WORDS))
    for start in range(0, n, 10_000):
        size = min(10_000, n - start)
        own = topics[rng.integers(TOPICS, size=size)][:, rng.integers(TOPIC_WORDS, size=MOST)]
        drawn = np.where(rng.random((size, MOST)) < 0.75, own, rng.integers(len(listed), size=(size, MOST)))
        lengths = rng.integers(FEWEST, MOST + 1, size=size)
        yield [
            f"{' '.join(table[row[:length]])} {start + i}"
            for i, (row, length) in enumerate(zip(drawn, lengths, strict=True))
        ]


def make_project(folder: Path, n: int) -> Figures:
    """Generates and imports n texts; gives how long that took."""
    started, listed = time.perf_counter(), words()
    with (folder / "texts.txt").open("w", encoding="utf-8") as file:
        for block in texts(n, listed):
            file.write("\n".join(block) + "\n")
    generated = time.perf_counter() - started
    started = time.perf_counter()
    import_source(folder / "texts.txt", folder / "pool.tyrogue", index_search=False)
    imported = time.perf_counter() - started
    (folder / "texts.txt").unlink()
    project = Project.open(folder / "pool.tyrogue")
    project.update(settings=Plan(audit=0.1, ratio=RATIO, batch=BATCH).as_settings())
    with Store.open(project.store_url, project.key) as store:
        for name in range(CLASSES):
            store.add_class(f"class {name}")
    return {"generate_s": round(generated, 1), "import_s": round(imported, 1)}


class Vectors:
    """The embeddings of all rows: those of some texts, over and over, with noise."""

    def __init__(self, project: Project, encoder: SentenceEncoder) -> None:
        rows = np.arange(min(ENCODED, len(project.corpus)), dtype=np.int64)
        self.file = VectorFile.create(project.cache_dir / encoder.fingerprint, encoder.dimension)
        if not self.file.read(rows)[1].all():
            self.file.write(rows, encoder.encode(project.corpus.texts(rows)))
        self.base = np.asarray(self.file.read(rows)[0], np.float32)

    def fill(self, rows: Rows) -> None:
        """Writes what is not there yet."""
        for start in range(0, len(rows), 50_000):
            some = rows[start : start + 50_000]
            some = some[~self.file.read(some)[1]]
            if len(some):
                self.file.write(some, self._of(some))

    def _of(self, rows: Rows) -> Floats:
        noise = np.random.default_rng(int(rows[0])).standard_normal((len(rows), self.base.shape[1]), np.float32)
        vectors = self.base[rows % len(self.base)] + NOISE * noise / np.float32(np.sqrt(self.base.shape[1]))
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

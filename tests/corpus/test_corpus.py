"""Reading the pool: by row, by id, by words."""

from __future__ import annotations

import gc
import json
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.corpus.sqlite import SqliteCorpus
from tyrogue.errors import BadInput, NewerProject, ProjectError, UsageError
from tyrogue.pool import Pool, Texts

TEXTS = [
    "The quick brown fox jumps over the lazy dog",
    "A quick answer, please",
    "Brown bread and butter",
    "Über den Wolken",
    "東京は日本の首都です",
    "fire 🔥 works",
    "the dog is lazy and brown",
    'C++ and "quoted words" AND NOT (this) OR that*',
    "A quick answer, please",
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> SqliteCorpus:
    folder = tmp_path_factory.mktemp("corpus")
    rows = [{"id": f"n{i}", "text": text, "kind": i} for i, text in enumerate(TEXTS)]
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    import_source(folder / "in.jsonl", folder / "out.tyrogue", label="kind")
    return Project.open(folder / "out.tyrogue").corpus


@given(rows=st.lists(st.integers(0, len(TEXTS) - 1), max_size=30))
def test_texts_in_the_order_asked(corpus: SqliteCorpus, rows: list[int]) -> None:
    asked = np.array(rows, np.int64)
    assert corpus.texts(asked) == [TEXTS[row] for row in rows]
    oracle = Texts(TEXTS, collapse_duplicates=True)
    np.testing.assert_array_equal(corpus.duplicates(asked), oracle.duplicates(asked))


def test_row_that_is_not_there(corpus: SqliteCorpus) -> None:
    for ask in (lambda: corpus.texts(np.array([0, 99])), lambda: corpus.record(99), lambda: corpus.copies(99)):
        with pytest.raises(UsageError, match="Row 99 is not in"):
            ask()


def test_rows_by_id(corpus: SqliteCorpus) -> None:
    assert corpus.rows_of_ids(["n4", "n0", "n4"]).tolist() == [4, 0, 4]
    with pytest.raises(BadInput, match=r"1 of 2 ids.*'N4'"):
        corpus.rows_of_ids(["n4", "N4"])


def test_gold_in_the_order_asked(corpus: SqliteCorpus) -> None:
    assert corpus.gold([3, 1, 3]) == ["3", "1", "3"]
    assert corpus.gold_names() == sorted(map(str, range(9)))


def test_pool_closes_the_reference_and_its_copies(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"text {i // 2}\n" for i in range(100)))
    import_source(tmp_path / "a.txt", tmp_path / "out.tyrogue")
    corpus = Project.open(tmp_path / "out.tyrogue").corpus
    pool = Pool(corpus, reference=corpus.reference)
    texts = corpus.texts(np.arange(100))
    expected = {row for row in range(100) if texts[row] in {texts[r] for r in corpus.reference}}
    assert set(pool.closed.tolist()) == expected
    assert len(expected) > len(corpus.reference) == 10


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("quick", {0, 1, 8}),
        ("QUICK brown", {0}),
        ("brow", {0, 2, 6}),
        ('"lazy dog"', {0}),
        ("lazy dog", {0, 6}),
        ("uber", {3}),
        ("日本", {4}),
        ("🔥", {5}),
        ("c++", {7}),
        ("nothing like it", set()),
        ("", set()),
        ("   ", set()),
    ],
)
def test_search_finds(corpus: SqliteCorpus, query: str, rows: set[int]) -> None:
    found, total = corpus.search(query)
    assert set(found.tolist()) == rows
    assert total == len(rows)


@settings(deadline=None)
@given(
    query=st.text(max_size=40) | st.lists(st.sampled_from(list('"*():^-+{}.,\0 ANDORNOT')), max_size=20).map("".join)
)
def test_no_query_is_wrong(corpus: SqliteCorpus, query: str) -> None:
    rows, total = corpus.search(query, limit=3)
    assert len(rows) <= min(3, total)


def test_search_gives_pages(corpus: SqliteCorpus) -> None:
    whole, total = corpus.search("quick", limit=10)
    first, _ = corpus.search("quick", limit=2)
    rest, _ = corpus.search("quick", limit=2, offset=2)
    assert total == 3
    assert [*first, *rest] == whole.tolist()


@pytest.mark.parametrize("query", ["quick", "brow", '"lazy dog"', "日本", "c++", "nothing like it", ""])
@pytest.mark.parametrize("among", [[], [0], [8, 6, 1, 6], list(range(9)), [3, 99]])
def test_search_among_rows_finds_those_of_all_that_are_there(
    corpus: SqliteCorpus, query: str, among: list[int]
) -> None:
    whole, _ = corpus.search(query, 100)
    found, total = corpus.search(query, 100, among=np.array(among, np.int64))
    assert found.tolist() == [row for row in whole.tolist() if row in among]
    assert total == len(found)
    assert corpus.search(query, 1, 1, among=np.array(among, np.int64))[0].tolist() == found.tolist()[1:2]


def test_search_catches_up_by_itself(tmp_path: Path) -> None:
    path, out = tmp_path / "a.txt", tmp_path / "out.tyrogue"
    path.write_text("first text\n")
    import_source(path, out, index_search=False)
    corpus = Project.open(out).corpus
    assert corpus.search("first")[0].tolist() == [0]
    path.write_text("first text\nsecond text\n")
    import_source(path, out, index_search=False)
    assert corpus.search("text")[1] == 2
    (out / "search.sqlite").write_bytes(b"this is no database" * 100)
    assert corpus.search("second")[0].tolist() == [1]
    (out / "search.sqlite").unlink()
    assert corpus.search("second")[0].tolist() == [1]


def test_search_over_pairs(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("premise,hypothesis\nit rains,it is wet\nit snows,it is cold\n")
    import_source(tmp_path / "a.csv", tmp_path / "out.tyrogue")
    assert Project.open(tmp_path / "out.tyrogue").corpus.search("snows cold")[0].tolist() == [1]


def test_index_does_not_outlive_its_pool(tmp_path: Path) -> None:
    path, out = tmp_path / "a.txt", tmp_path / "out.tyrogue"
    path.write_text("old words\nmore old words\n")
    import_source(path, out)
    (out / "pool.sqlite").unlink()
    path.write_text("new words\n")
    import_source(path, out, index_search=False)
    corpus = SqliteCorpus(out / "pool.sqlite")
    assert (corpus.search("old")[1], corpus.search("new")[1]) == (0, 1)


def test_threads_read_at_once(corpus: SqliteCorpus) -> None:
    def read(seed: int) -> bool:
        rows = np.random.default_rng(seed).integers(0, len(TEXTS), 50)
        return corpus.texts(rows) == [TEXTS[row] for row in rows]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(read, range(200)))


def test_child_process_reads_on(corpus: SqliteCorpus) -> None:
    corpus.texts(np.array([0]))
    child = os.fork()
    if child == 0:
        os._exit(0 if corpus.texts(np.array([1])) == [TEXTS[1]] else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_connections_are_closed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text\n")
    import_source(tmp_path / "a.txt", tmp_path / "out.tyrogue")
    corpus = SqliteCorpus(tmp_path / "out.tyrogue" / "pool.sqlite")
    assert len(corpus) == 1
    idle = corpus._idle._connections
    assert len(idle) == 1
    corpus.close()
    assert idle == []
    assert len(corpus) == 1
    del corpus
    gc.collect()
    assert idle == []


def test_read_only_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("some text\n")
    import_source(tmp_path / "a.txt", tmp_path / "out.tyrogue", index_search=False)
    for name in ("pool.sqlite-wal", "pool.sqlite-shm"):
        (tmp_path / "out.tyrogue" / name).unlink(missing_ok=True)
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    def refuse(self: SqliteCorpus) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(SqliteCorpus, "index_search", refuse)
    corpus = SqliteCorpus(tmp_path / "out.tyrogue" / "pool.sqlite")
    assert corpus.texts(np.array([0])) == ["some text"]
    assert corpus.search("some")[0].tolist() == [0]


def test_pool_that_is_missing_damaged_or_newer(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no texts yet.*tyrogue import"):
        SqliteCorpus(tmp_path / "pool.sqlite")
    (tmp_path / "pool.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(ProjectError, match="damaged or not a pool"):
        SqliteCorpus(tmp_path / "pool.sqlite")
    (tmp_path / "pool.sqlite").write_bytes(b"")
    with pytest.raises(ProjectError, match="damaged or not a pool"):
        SqliteCorpus(tmp_path / "pool.sqlite")
    (tmp_path / "a.txt").write_text("text\n")
    import_source(tmp_path / "a.txt", tmp_path / "out.tyrogue")
    with sqlite3.connect(tmp_path / "out.tyrogue" / "pool.sqlite") as db:
        db.execute("UPDATE about SET value = '9' WHERE key = 'format'")
    db.close()
    with pytest.raises(NewerProject, match=r"format 9.*pip install --upgrade"):
        SqliteCorpus(tmp_path / "out.tyrogue" / "pool.sqlite")

"""Importing again appends what is new; rows that are there never change, nor does the reference sample move."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tyrogue.corpus.importing import ImportReport, import_source
from tyrogue.corpus.locking import locked
from tyrogue.corpus.project import Project
from tyrogue.corpus.sqlite import SqliteCorpus
from tyrogue.corpus.writing import measure
from tyrogue.errors import BadInput, ProjectInUse


def import_texts(folder: Path, texts: list[Any], **options: Any) -> tuple[ImportReport, SqliteCorpus]:
    rows = [text if isinstance(text, dict) else {"text": text} for text in texts]
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = import_source(folder / "in.jsonl", folder / "out.tyrogue", **options)
    return report, Project.open(folder / "out.tyrogue").corpus


def contents(corpus: SqliteCorpus) -> list[Any]:
    return corpus.texts(np.arange(len(corpus)))


def test_only_new_rows_by_id(tmp_path: Path) -> None:
    old = [{"id": i, "text": f"text {i}"} for i in range(5)]
    import_texts(tmp_path, old)
    again = [{"id": 7, "text": "text 0"}, {"id": 3, "text": "edited"}, *old, {"id": 5, "text": "text 5"}]
    del again[2 + 3]  # the file must not carry id 3 twice
    report, corpus = import_texts(tmp_path, again)
    assert contents(corpus) == [*(f"text {i}" for i in range(5)), "text 0", "text 5"]
    assert (report.rows_new, report.rows_total, report.known, report.changed) == (2, 7, 4, 1)
    assert "1 rows have an id" in report.warnings[0]
    assert "'3'" in report.warnings[0]


def test_id_twice_among_new_rows_of_a_later_import(tmp_path: Path) -> None:
    import_texts(tmp_path, [{"id": 1, "text": "a"}])
    with pytest.raises(BadInput, match="'2' was in line 2 already"):
        import_texts(tmp_path, [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}, {"id": 2, "text": "c"}])
    assert len(Project.open(tmp_path / "out.tyrogue").corpus) == 1


words = st.lists(st.sampled_from("abcde"), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=words.filter(bool), second=words.filter(bool))
def test_only_new_occurrences_by_content(
    tmp_path_factory: pytest.TempPathFactory, first: list[str], second: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("pool")
    import_texts(folder, list(first))
    _, corpus = import_texts(folder, list(second))
    seen: Counter[str] = Counter()
    expected = list(first)
    for word in second:  # the k-th occurrence is new when the pool had fewer than k
        seen[word] += 1
        if seen[word] > first.count(word):
            expected.append(word)
    assert contents(corpus) == expected


def test_duplicates_are_kept_counted_and_found(tmp_path: Path) -> None:
    report, corpus = import_texts(tmp_path, ["a", "b", "a", "c", "a", "b"])
    assert report.duplicates == 3
    assert corpus.duplicates(np.array([0])).tolist() == [2, 4]
    assert corpus.duplicates(np.array([4, 1])).tolist() == [0, 2, 5]
    assert corpus.duplicates(np.array([0, 2, 4, 3])).tolist() == []
    assert corpus.duplicates(np.array([], np.int64)).tolist() == []
    assert [corpus.copies(row) for row in range(6)] == [2, 1, 2, 0, 2, 1]
    report, corpus = import_texts(tmp_path, ["a", "a", "a", "a", "d"])
    assert (report.rows_new, report.duplicates) == (2, 1)


def test_pairs_differ_where_they_are_split(tmp_path: Path) -> None:
    rows = [{"text": "a b", "text_pair": "c"}, {"text": "a", "text_pair": "b c"}, {"text": "a b", "text_pair": "c"}]
    _, corpus = import_texts(tmp_path, rows)
    assert corpus.texts(np.array([1, 0])) == [("a", "b c"), ("a b", "c")]
    assert corpus.duplicates(np.array([0])).tolist() == [2]


def test_pairs_do_not_join_single_texts(tmp_path: Path) -> None:
    import_texts(tmp_path, ["a"])
    with pytest.raises(BadInput, match="holds pairs of texts, but the project holds single texts"):
        import_texts(tmp_path, [{"text": "a", "text_pair": "b"}], text="text", text_pair="text_pair")


def test_columns_stay_as_they_were_chosen(tmp_path: Path) -> None:
    import_texts(tmp_path, [{"text": "t1", "body": "one"}], text="body", id="none")
    _, corpus = import_texts(tmp_path, [{"text": "t2", "body": "two", "id": "x"}])
    assert [(r.text, r.id) for r in corpus.records([0, 1])] == [("one", None), ("two", None)]


def test_reference_is_a_tenth_and_fixed_by_the_seed(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(500)]
    samples = []
    for number, seed in enumerate((3, 3, 4)):
        (tmp_path / str(number)).mkdir()
        samples.append(import_texts(tmp_path / str(number), texts, seed=seed)[1].reference.tolist())
    assert len(samples[0]) == len(set(samples[0])) == 50
    assert samples[0] == samples[1] == sorted(samples[0])
    assert samples[0] != samples[2]


def test_reference_has_its_size_at_most(tmp_path: Path) -> None:
    _, corpus = import_texts(tmp_path, [f"text {i}" for i in range(3000)], reference=100)
    assert len(corpus.reference) == 100
    with pytest.raises(ValueError, match="read-only"):
        corpus.reference[0] = 1


def test_reference_is_uniform(tmp_path: Path) -> None:
    drawn = np.zeros(40)
    for seed in range(100):
        (tmp_path / str(seed)).mkdir()
        _, corpus = import_texts(tmp_path / str(seed), [f"text {i}" for i in range(40)], seed=seed, index_search=False)
        drawn[corpus.reference] += 1
    expected = 100 * 4 / 40
    assert ((drawn - expected) ** 2 / expected).sum() < 73  # chi-square, 39 degrees of freedom, p < 0.001


def test_reference_grows_among_new_rows_only(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(100)]
    _, corpus = import_texts(tmp_path, texts)
    before = corpus.reference.tolist()
    _, corpus = import_texts(tmp_path, texts + [f"more {i}" for i in range(400)])
    after = corpus.reference.tolist()
    assert (len(before), len(after)) == (10, 50)
    assert [row for row in after if row < 100] == before
    assert len(corpus.reference) == 50


def test_reference_keeps_its_rate_when_it_is_full(tmp_path: Path) -> None:
    texts = [f"text {i}" for i in range(1000)]
    import_texts(tmp_path, texts, reference=20)
    _, corpus = import_texts(tmp_path, texts + [f"more {i}" for i in range(500)], reference=20)
    assert ((corpus.reference < 1000).sum(), (corpus.reference >= 1000).sum()) == (20, 10)


def test_readers_go_on_while_rows_are_appended(tmp_path: Path) -> None:
    _, corpus = import_texts(tmp_path, [f"text {i}" for i in range(50)])
    lengths: list[int] = []

    def reading(done: int, share: float) -> None:
        lengths.append(len(corpus))
        assert corpus.texts(np.array([49])) == ["text 49"]

    import_texts(tmp_path, [f"text {i}" for i in range(80)], progress=reading)
    assert lengths == [50]
    assert len(corpus) == 80


def test_two_imports_at_once_are_refused(tmp_path: Path) -> None:
    import_texts(tmp_path, ["a"])
    with locked(tmp_path / "out.tyrogue" / "import.lock", "x"), pytest.raises(ProjectInUse, match="Importing into"):
        import_texts(tmp_path, ["b"])


def test_token_lengths_can_be_measured_later(tmp_path: Path) -> None:
    _, corpus = import_texts(tmp_path, ["a b c", "d", "e f"])
    assert corpus.token_lengths([0, 1, 2]).tolist() == [-1, -1, -1]
    assert measure(corpus.path, lambda texts: [len(str(t).split()) for t in texts], 2) == 1
    assert corpus.token_lengths([2, 0, 1]).tolist() == [2, 3, 1]


KILLED = """
import os, signal, sys
from tyrogue.corpus import importing
importing._BATCH = 50
def die(done, share):
    if done >= 500:
        os.kill(os.getpid(), signal.SIGKILL)
importing.import_source(sys.argv[1], sys.argv[2], progress=die)
"""


@pytest.mark.parametrize("before", [0, 100])
def test_import_that_is_killed_changes_nothing(tmp_path: Path, before: int) -> None:
    path, out = tmp_path / "in.txt", tmp_path / "out.tyrogue"
    if before:
        path.write_text("".join(f"text {i}\n" for i in range(before)))
        import_source(path, out)
    path.write_text("".join(f"text {i}\n" for i in range(1000)))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path), str(out)], check=False)
    assert killed.returncode == -signal.SIGKILL
    if before:
        assert len(Project.open(out).corpus) == before
    report = import_source(path, out)
    assert (report.rows_new, report.rows_total) == (1000 - before, 1000)
    assert contents(Project.open(out).corpus) == [f"text {i}" for i in range(1000)]


def test_labels_that_are_positions_stay_so(tmp_path: Path) -> None:
    import_texts(tmp_path, [{"text": "a", "label": 1}], classes=["neg", "pos"])
    _, corpus = import_texts(
        tmp_path, [{"text": "a", "label": 1}, {"text": "b", "label": 0}, {"text": "c", "label": "new"}]
    )
    assert corpus.gold([0, 1, 2]) == ["pos", "neg", "new"]
    assert Project.open(tmp_path / "out.tyrogue").classes == ("neg", "pos", "new")


def test_labels_that_are_numbers_are_no_positions(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"'1' .* is not in the list 3, 7"):
        import_texts(tmp_path, [{"text": "a", "label": 1}], classes=["3", "7"])

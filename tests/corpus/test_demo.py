"""The demo corpus: read from source files, judged by its own words, the same every time."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from tyrogue.corpus import demo, docstrings
from tyrogue.corpus.demo import FIELDS, create_demo, demo_rows
from tyrogue.corpus.docstrings import LONGEST, SHORTEST, prose, texts_of
from tyrogue.corpus.project import Project
from tyrogue.corpus.records import Record
from tyrogue.errors import BadInput


@pytest.fixture(scope="module")
def rows() -> list[Record]:
    return list(demo_rows())


def test_several_thousand_texts_of_every_field(rows: list[Record]) -> None:
    counts = Counter(row.gold for row in rows)
    assert set(counts) == set(FIELDS)
    assert len(rows) >= 3000
    assert max(counts.values()) <= 5 * min(counts.values())
    assert all(SHORTEST <= len(row.text) <= LONGEST for row in rows)


def test_no_text_twice(rows: list[Record]) -> None:
    letters = ["".join(c for c in row.text.lower() if c.isalnum()) for row in rows]
    assert len(set(letters)) == len(rows)
    assert len({row.id for row in rows}) == len(rows)


def test_fields_can_be_told_from_the_words(rows: list[Record]) -> None:
    """A bag of words from half of them says the field of the others far better than chance (1/8)."""
    half = len(rows) // 2
    words = TfidfVectorizer(min_df=2).fit([row.text for row in rows[:half]])
    x, y = words.transform([row.text for row in rows]), np.array([row.gold for row in rows])
    model = LogisticRegression(C=10, max_iter=500).fit(x[:half], y[:half])
    assert f1_score(y[half:], model.predict(x[half:]), average="macro") > 0.7


def test_demo_project_has_its_gold_file(rows: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "demo_rows", lambda: iter(rows))
    project = create_demo(tmp_path / "demo.tyrogue", settings={"model": "linear"})
    test = Project.open(project.path / "test")
    train_texts = set(project.corpus.texts(np.arange(len(project.corpus))))
    test_texts = set(test.corpus.texts(np.arange(len(test.corpus))))
    assert not train_texts & test_texts
    assert len(train_texts) + len(test_texts) == len(rows)
    assert len(test_texts) == len(rows) // 5
    assert project.classes == test.classes == tuple(FIELDS)
    assert project.corpus.gold_names() == test.corpus.gold_names() == list(FIELDS)
    assert (project.name, project.settings) == ("demo", {"model": "linear"})


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "somelib" / "tests").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path / "somelib"


LONG = "Gives the number of widgets in the box, counted twice to be sure, as a whole number of at least zero."


def test_libraries_are_parsed_and_never_run(library: Path) -> None:
    (library / "__init__.py").write_text(
        f'raise SystemExit("run")\n\ndef public():\n    """{LONG}\n\n    Args:\n        x: no prose.\n    """\n'
        f'def _private():\n    """{LONG} PRIVATE"""\n\nclass A:\n    def _hidden(self):\n        """{LONG} HIDDEN"""\n'
        f'    async def run(self):\n        """{LONG} METHOD"""\n\ndef short():\n    """Gives it."""\n'
    )
    (library / "tests" / "test_it.py").write_text(f'def test():\n    """{LONG} TEST"""\n')
    (library / "template.py").write_text("def {{ name }}")
    (library / "latin.py").write_bytes(b'"""\xe9"""')
    assert list(texts_of("somelib")) == [LONG, f"{LONG} METHOD"]
    assert "somelib" not in sys.modules


def test_part_of_a_library(library: Path) -> None:
    for name in ("one", "two"):
        (library / f"{name}.py").write_text(f'def f():\n    """{LONG} {name}"""\n')
    (library / "__init__.py").write_text("")
    assert list(texts_of("somelib/tw*")) == [f"{LONG} two"]
    assert list(texts_of("somelib/gone")) == list(texts_of("no_such_library")) == []


@pytest.mark.parametrize(
    "section",
    [
        "Parameters\n----------\nx : int",
        "Args:\n    x: what",
        ":param x: what",
        ">>> f(1)",
        ".. versionadded:: 1",
        "Returns\n-------",
    ],
)
def test_prose_ends_at_the_first_section(section: str) -> None:
    assert prose(f"One line\nand more.\n\n{section}\n\nAfter it.") == "One line and more."


def test_prose_is_cut_at_a_sentence() -> None:
    assert prose("First one. " + "word " * 100) == "First one."
    assert prose("word " * 100) == ""
    assert prose("Short.\n\n" + "word " * 100) == "Short."


def test_installation_without_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docstrings, "_place", lambda library: None)
    with pytest.raises(BadInput, match="tyrogue doctor"):
        create_demo(tmp_path / "demo.tyrogue")
    assert not (tmp_path / "demo.tyrogue").exists()

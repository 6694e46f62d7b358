"""Labels go out whole, with ids and columns, and come back in."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tyrogue.corpus.export import FORMATS, export_labels
from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.errors import BadInput, UnknownName

CLASSES = ["neg", "pos"]


def row(number: int, text: str, label: str | None = "pos", **more: Any) -> dict[str, Any]:
    return {"row": number, "id": f"n{number}", "text": text, "text_pair": None, "meta": {}, "label": label, **more}


def test_csv_has_the_users_columns_between_ours(tmp_path: Path) -> None:
    rows = [
        row(3, 'a "quoted"\r\ntext', meta={"stars": 4, "label": "old"}, annotator="me"),
        row(4, "b", "neg", meta={"tags": ["x"], "annotator": "she"}, annotator="me"),
    ]
    assert export_labels(rows, tmp_path / "out.csv", class_names=CLASSES) == 2
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        header, *cells = list(csv.reader(file))
    assert header == ["row", "id", "text", "label", "stars", "meta.label", "tags", "meta.annotator", "annotator"]
    assert cells[0] == ["3", "n3", 'a "quoted"\r\ntext', "pos", "4", "old", "", "", "me"]
    assert cells[1] == ["4", "n4", "b", "neg", "", "", '["x"]', "she", "me"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_formulas_are_defused_on_request(tmp_path: Path, start: str) -> None:
    attack = f'{start}HYPERLINK("http://x","y")'
    rows = [row(0, attack, meta={attack: attack, "n": -1})]
    export_labels(rows, tmp_path / "raw.csv", class_names=CLASSES)
    export_labels(rows, tmp_path / "safe.csv", class_names=CLASSES, safe=True)

    def cells(name: str) -> list[list[str]]:
        with (tmp_path / name).open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))

    assert cells("raw.csv")[1] == ["0", "n0", attack, "pos", attack, "-1"]
    assert cells("safe.csv")[0][4] == f"'{attack}"
    assert cells("safe.csv")[1] == ["0", "n0", f"'{attack}", "pos", f"'{attack}", "-1"]


def test_jsonl_keeps_the_users_columns_under_meta(tmp_path: Path) -> None:
    export_labels([row(0, "ä", meta={"n": [1]}), row(1, "b", None)], tmp_path / "o.jsonl", class_names=CLASSES)
    first, second = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text("utf-8").splitlines()]
    assert first == {"row": 0, "id": "n0", "text": "ä", "label": "pos", "meta": {"n": [1]}}
    assert second == {"row": 1, "id": "n1", "text": "b"}


def test_parquet_keeps_kinds_and_turns_mixed_ones_to_text(tmp_path: Path) -> None:
    rows = [row(0, "a", meta={"n": 1, "mixed": 1}), row(1, "b", meta={"n": 2, "mixed": "x"})]
    export_labels(rows, tmp_path / "o.parquet", class_names=CLASSES)
    table = pq.read_table(tmp_path / "o.parquet").to_pydict()
    assert table["n"] == [1, 2]
    assert table["mixed"] == ["1", "x"]
    assert table["label"] == ["pos", "pos"]


def test_hugging_face_folder_has_a_class_label(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [row(0, "a", "pos"), row(1, "b", "neg"), row(2, "c", None)]
    for _ in range(2):  # the second replaces the first
        export_labels(rows, tmp_path / "out", class_names=CLASSES)
    loaded = datasets.load_from_disk(str(tmp_path / "out"))
    assert loaded.features["label"].names == CLASSES
    assert loaded["label"][:] == [1, 0, None]
    assert loaded["id"][:] == ["n0", "n1", "n2"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.doc").touch()
    with pytest.raises(BadInput, match="no dataset"):
        export_labels([row(0, "a")], tmp_path / "out", class_names=CLASSES)
    assert (tmp_path / "out" / "thesis.doc").exists()


def test_format_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="csv, hf, jsonl, parquet"):
        export_labels([], tmp_path / "x", format="xlsx", class_names=CLASSES)


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_export_that_fails_keeps_the_old_file(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"out.{format}"
    path.write_text("old")

    class Unwritable:
        def __str__(self) -> str:
            raise RuntimeError("in the middle")

    with pytest.raises(Exception, match=r"middle|Could not convert"):
        export_labels([row(0, "a"), row(1, "b", meta={"x": Unwritable()})], path, class_names=CLASSES)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_no_labels_are_a_file_with_a_header(tmp_path: Path) -> None:
    for format in ("csv", "jsonl", "parquet", "hf"):
        assert export_labels([], tmp_path / f"empty-{format}", format=format, class_names=CLASSES) == 0
    assert (tmp_path / "empty-csv").read_text() == "row,id,text,label\r\n".replace("\r\n", "\n")


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40).filter(
    lambda text: not text.isspace()
)


@pytest.mark.parametrize("format", list(FORMATS))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_rows=st.lists(st.tuples(texts, texts), min_size=1, max_size=8, unique_by=lambda pair: pair[1]))
def test_what_goes_out_comes_back(
    tmp_path_factory: pytest.TempPathFactory, format: str, given_rows: list[tuple[str, str]]
) -> None:
    if format == "hf" and "datasets" not in sys.modules:
        pytest.importorskip("datasets")
    folder = tmp_path_factory.mktemp("trip")
    lines = [json.dumps({"text": text, "id": own, "extra": "x" + own}) for text, own in given_rows]
    (folder / "in.jsonl").write_text("\n".join(lines))
    import_source(folder / "in.jsonl", folder / "one.tyrogue", index_search=False)
    before = Project.open(folder / "one.tyrogue").corpus.records(range(len(given_rows)))
    out = [
        {
            "row": r.row,
            "id": r.id,
            "text": r.text,
            "text_pair": r.text_pair,
            "meta": r.meta,
            "label": CLASSES[r.row % 2],
        }
        for r in before
    ]
    path = folder / ("out" if format == "hf" else f"out.{format}")
    export_labels(out, path, format=format, class_names=CLASSES)
    import_source(path, folder / "two.tyrogue", index_search=False)
    after = Project.open(folder / "two.tyrogue").corpus.records(range(len(given_rows)))
    assert [(r.id, r.text, r.meta["extra"]) for r in after] == [(own, text, "x" + own) for text, own in given_rows]
    assert [r.gold for r in after] == [CLASSES[r.row % 2] for r in after]

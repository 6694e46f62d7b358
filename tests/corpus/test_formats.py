"""Every format gives the rows that were written into it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tyrogue.corpus.importing import ImportReport, import_source
from tyrogue.corpus.project import Project
from tyrogue.corpus.records import Record
from tyrogue.errors import BadInput, MissingExtra, UnknownName


def imported(source: Path | str, project_dir: Path, **options: Any) -> tuple[ImportReport, list[Record]]:
    report = import_source(source, project_dir, **options)
    corpus = Project.open(project_dir).corpus
    return report, corpus.records(range(len(corpus)))


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.tyrogue"


def test_csv_with_quoted_newlines_bom_and_crlf(tmp_path: Path, out: Path) -> None:
    content = (
        b"\xef\xbb\xbfid,text,label,stars\r\n"
        + '7,"two\r\nlines, ""quoted""",pos,4\r\n8,שלום 👋🏽 <b>x</b>,,5\r\n'.encode()
    )
    report, (first, second) = imported(write(tmp_path / "a.csv", content), out)
    assert first == Record(0, "7", 'two\r\nlines, "quoted"', None, {"stars": "4"}, "pos")
    assert second == Record(1, "8", "שלום 👋🏽 <b>x</b>", None, {"stars": "5"}, None)
    assert (report.rows_new, report.with_gold, report.gold_counts) == (2, 1, {"pos": 1})
    assert report.columns.asdict() == {"text": "text", "text_pair": None, "label": "label", "id": "id"}


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiter_of_a_csv_is_taken_from_its_header(tmp_path: Path, out: Path, mark: str) -> None:
    path = write(tmp_path / "a.csv", f"text{mark}label\nsome words{mark}a\n")
    assert imported(path, out)[1][0].text == "some words"


def test_tsv_without_quoting_keeps_its_quotes(tmp_path: Path, out: Path) -> None:
    path = write(tmp_path / "a.tsv", 'sentence\tlabel\n"an open quote\t1\nplain\t0\n')
    assert [r.text for r in imported(path, out)[1]] == ['"an open quote', "plain"]


def test_tsv_with_quoting_loses_its_quotes(tmp_path: Path, out: Path) -> None:
    path = write(tmp_path / "a.tsv", 'text\tlabel\n"with a\ttab"\t1\nplain\t0\n')
    assert [r.text for r in imported(path, out)[1]] == ["with a\ttab", "plain"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_byte_order_mark_names_the_encoding(tmp_path: Path, out: Path, encoding: str) -> None:
    path = write(tmp_path / "a.csv", "text\nnaïve 日本\n".encode(encoding))
    assert imported(path, out)[1][0].text == "naïve 日本"


def test_encoding_that_is_named(tmp_path: Path, out: Path) -> None:
    path = write(tmp_path / "a.csv", "text\ncafé\n".encode("cp1252"))
    assert imported(path, out, encoding="cp1252")[1][0].text == "café"


def test_jsonl_spreads_meta_and_keeps_other_keys(tmp_path: Path, out: Path) -> None:
    row = {"text": "a text", "label": "x", "meta": {"from": "mail", "n": 3}, "tags": ["a"], "score": float("nan")}
    _, records = imported(write(tmp_path / "a.jsonl", json.dumps(row) + "\n\n"), out)
    assert records == [Record(0, None, "a text", None, {"from": "mail", "n": 3, "tags": ["a"], "score": None}, "x")]


def test_prodigy_labels_count_when_accepted(tmp_path: Path, out: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"text": "one", "label": "SPAM", "answer": "accept"},
        {"text": "two", "label": "SPAM", "answer": "reject"},
        {"text": "three", "accept": ["HAM"], "answer": "accept", "options": [{"id": "HAM"}]},
        {"text": "four", "accept": ["HAM", "SPAM"], "answer": "accept"},
        {"text": "five", "accept": ["HAM"], "answer": "ignore"},
    ]
    _, records = imported(write(tmp_path / "db-out.jsonl", "\n".join(map(json.dumps, rows))), out)
    assert [r.gold for r in records] == ["SPAM", None, "HAM", None, None]


def test_parquet_names_its_classes_in_the_schema_or_beside(tmp_path: Path, out: Path) -> None:
    table = pa.table({"text": ["a", "b", "c"], "label": pa.array([1, 0, -1], pa.int32()), "bytes": [b"x", b"y", b"z"]})
    info = {"info": {"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}}}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(info)}), tmp_path / "schema.parquet")
    report, records = imported(tmp_path / "schema.parquet", out)
    assert [r.gold for r in records] == ["yes", "no", None]
    assert records[0].meta == {}
    assert report.classes == ("no", "yes")

    (tmp_path / "beside").mkdir()
    pq.write_table(table, tmp_path / "beside" / "train.parquet")
    pq.write_table(table, tmp_path / "beside" / "test.parquet")
    write(tmp_path / "beside" / "meta.json", '{"classes": ["bad", "good"]}')
    report, records = imported(tmp_path / "beside", tmp_path / "beside.tyrogue")
    assert [r.gold for r in records] == ["good", "bad", None]
    assert "left out test.parquet" in report.warnings[0]


def test_pairs_by_their_glue_names(tmp_path: Path, out: Path) -> None:
    for number, (first, second) in enumerate(
        [("text", "text_pair"), ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"),
         ("question", "sentence")]
    ):  # fmt: skip
        path = write(tmp_path / f"{number}.csv", f"idx,{first},{second},label\n0,is it,it is,1\n1,is it,,0\n")
        report, records = imported(path, tmp_path / f"{number}.tyrogue")
        assert [(r.text, r.text_pair) for r in records] == [("is it", "it is")]
        assert report.empty_skipped == 1
        assert Project.open(tmp_path / f"{number}.tyrogue").corpus.pair


def test_folder_of_text_files(tmp_path: Path, out: Path) -> None:
    for name in ("b.txt", "a.txt", "deep/er/c.txt", ".hidden/d.txt"):
        write(tmp_path / "flat" / name, f"text of {name}\nin two lines\n")
    _, records = imported(tmp_path / "flat", out)
    assert [(r.id, r.gold) for r in records] == [("a.txt", None), ("b.txt", None), ("deep/er/c.txt", None)]
    assert records[0].text == "text of a.txt\nin two lines\n"


def test_sub_folders_are_classes(tmp_path: Path, out: Path) -> None:
    for name in ("neg/1.txt", "pos/1.txt", "pos/2.txt"):
        write(tmp_path / "imdb" / name, f"review {name}")
    _, records = imported(tmp_path / "imdb", out)
    assert [(r.id, r.gold) for r in records] == [("neg/1.txt", "neg"), ("pos/1.txt", "pos"), ("pos/2.txt", "pos")]


def test_text_file_has_a_text_a_line(tmp_path: Path, out: Path) -> None:
    _, records = imported(write(tmp_path / "a.txt", "one text\r\n\nanother\n"), out)
    assert [r.text for r in records] == ["one text", "another"]


def test_saved_hugging_face_dataset(tmp_path: Path, out: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["n", "y"])})
    part = datasets.Dataset.from_dict({"text": ["a b", "c d"], "label": [1, 0]}, features=features)
    part.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"train": part, "test": part}).save_to_disk(str(tmp_path / "several"))
    assert [r.gold for r in imported(tmp_path / "one", out)[1]] == ["y", "n"]
    report, records = imported(tmp_path / "several", tmp_path / "several.tyrogue")
    assert len(records) == 2
    assert "'train' only" in report.warnings[0]


def test_hub_name_is_streamed(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    asked: list[Any] = []

    def load_dataset(*args: Any, **kwargs: Any) -> Any:
        asked.append((args, kwargs))
        features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["n", "y"])})
        return datasets.Dataset.from_dict(
            {"text": ["a b"] * 3, "label": [1, 0, 0]}, features=features
        ).to_iterable_dataset()

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    _, records = imported("owner/some-texts:plain@validation", out)
    assert asked == [(("owner/some-texts", "plain"), {"split": "validation", "streaming": True})]
    assert [r.gold for r in records] == ["y", "n", "n"]


def test_hub_out_of_reach_says_so(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")

    def load_dataset(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("Couldn't reach the hub")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(BadInput, match=r"no file named 'owner/gone'.*ConnectionError: Couldn't reach.*network"):
        import_source("owner/gone", out)
    assert not out.exists()


def test_hub_that_breaks_off_leaves_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")

    def rows() -> Any:
        yield from ({"text": f"text {i}"} for i in range(1500))
        raise ConnectionError("the line is cut")

    features = datasets.Features({"text": datasets.Value("string")})
    broken = datasets.IterableDataset.from_generator(rows, features=features)
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **kwargs: broken)
    with pytest.raises(BadInput, match=r"broke off after 1,\d00 rows \(ConnectionError: the line is cut\)"):
        import_source("owner/some-texts", out)
    assert not out.exists()


def test_hub_needs_its_extra(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"pip install 'tyrogue\[hub\]'"):
        import_source("owner/some-texts", out)


def test_format_that_is_not_known(tmp_path: Path, out: Path) -> None:
    with pytest.raises(UnknownName, match="no format named 'xml'"):
        import_source(write(tmp_path / "a.csv", "text\na\n"), out, format="xml")


def test_labels_in_the_order_of_the_given_list(tmp_path: Path, out: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label\nx,1\ny,zebra\nz,0\n")
    report, records = imported(path, out, classes=["zebra", "ape"])
    assert [r.gold for r in records] == ["ape", "zebra", "zebra"]
    assert report.classes == ("zebra", "ape")
    assert Project.open(out).corpus.gold_names() == ["zebra", "ape"]
    assert report.gold_counts == {"zebra": 2, "ape": 1}


def test_columns_that_are_named(tmp_path: Path, out: Path) -> None:
    path = write(tmp_path / "a.csv", "text,body,kind,key,label\nshort,the body,k,9,unused\n")
    _, records = imported(path, out, text="body", label="kind", id="key")
    assert records == [Record(0, "9", "the body", None, {"text": "short", "label": "unused"}, "k")]


def test_no_label_and_no_id_on_request(tmp_path: Path, out: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label,id\nsome,x,1\nother,y,1\n")
    _, records = imported(path, out, label="none", id="none")
    assert [(r.id, r.gold, r.meta) for r in records] == [(None, None, {"label": v, "id": "1"}) for v in "xy"]


def test_column_with_the_longest_texts_is_guessed_and_said(tmp_path: Path, out: Path) -> None:
    path = write(tmp_path / "a.csv", "title,review,price\nGood,a long review of it,12345678901234567890123456789\n")
    report, records = imported(path, out)
    assert records[0].text == "a long review of it"
    assert "Took column 'review'" in report.warnings[0]
    assert "--text COLUMN" in report.warnings[0]


field = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(field, field), min_size=1, max_size=20))
def test_any_csv_that_python_writes_is_read_back(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("text", "note"), *rows])
    path = write(tmp_path / "any.csv", file.getvalue())
    expected = [(text, note) for text, note in rows if text and not text.isspace()]
    shutil.rmtree(tmp_path / "any.tyrogue", ignore_errors=True)
    if not expected:
        with pytest.raises(BadInput, match="empty"):
            import_source(path, tmp_path / "any.tyrogue")
        return
    _, records = imported(path, tmp_path / "any.tyrogue")
    assert [(r.text, r.meta["note"]) for r in records] == expected


def test_real_datasets_come_in_whole(datasets_dir: Path, tmp_path: Path) -> None:
    for name in ("germeval2018", "paws_qqp"):
        meta = json.loads((datasets_dir / name / "meta.json").read_text())
        report = import_source(datasets_dir / name, tmp_path / f"{name}.tyrogue", index_search=False)
        assert report.rows_new == meta["n_train"]
        assert list(report.gold_counts.values()) == meta["class_counts"]["train"]
        assert report.duplicates == meta["repeated_train_texts"]
        table = pq.read_table(datasets_dir / name / "train.parquet").slice(1000, 50).to_pylist()
        records = Project.open(tmp_path / f"{name}.tyrogue").corpus.records(range(1000, 1050))
        assert [r.text for r in records] == [row["text"] for row in table]
        assert [r.text_pair for r in records] == [row.get("text_pair") for row in table]
        assert [r.gold for r in records] == [meta["classes"][row["label"]] for row in table]

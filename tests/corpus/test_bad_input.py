"""What is wrong with an input is said with file, line and remedy, and nothing half-written is left."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tyrogue.corpus import durable, importing, writing
from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.corpus.sources import delimited, text
from tyrogue.errors import BadInput, ProjectError


def refused(path: Path, content: bytes | str | None, **options: Any) -> BadInput:
    """Imports a file that is bad; gives the error after checking that it names the file and left nothing."""
    if content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    out = path.with_name("out.tyrogue")
    with pytest.raises(BadInput) as caught:
        import_source(path, out, **options)
    assert not out.exists()
    assert path.name in str(caught.value)
    assert caught.value.remedy
    return caught.value


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "content")
    return file.getvalue()


def parquet_bytes() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"text": ["a"]}), file)
    return file.getvalue()


def test_column_that_is_missing(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.csv", "title,body\na,b\n", text="review")
    assert "'review'" in str(error)
    assert "title, body" in str(error)
    assert "--text COLUMN" in error.remedy


def test_no_column_of_texts(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.csv", "price,stars\n1.5,4\n2,5\n")
    assert "price, stars" in str(error)
    assert "--text COLUMN" in error.remedy


def test_no_header(tmp_path: Path) -> None:
    error = refused(
        tmp_path / "a.csv", "I bought this vacuum cleaner last year and it has been fine ever since\nother\n"
    )
    assert error.line == 1
    assert "header" in error.remedy


def test_wrong_encoding_has_line_and_offset(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.csv", b"text\nplain\ncaf\xe9\n")
    assert error.line == 3
    assert "0xe9 at offset 14" in str(error)
    assert "--encoding cp1252" in error.remedy


def test_utf16_without_a_mark(tmp_path: Path) -> None:
    assert "--encoding utf-16-le" in refused(tmp_path / "a.csv", "text\nabcd\n".encode("utf-16-le")).remedy


def test_utf16_that_is_cut(tmp_path: Path) -> None:
    assert refused(tmp_path / "a.csv", "text\nabcd\n".encode("utf-16")[:-1]).line


def test_encoding_that_does_not_exist(tmp_path: Path) -> None:
    assert "'latin-99'" in str(refused(tmp_path / "a.csv", "text\na\n", encoding="latin-99"))


@pytest.mark.parametrize("row", ["2,b,c", "2"])
def test_ragged_csv_names_the_line_where_the_row_begins(tmp_path: Path, row: str) -> None:
    error = refused(tmp_path / "a.csv", f'id,text\n1,"two\nlines"\n{row}\n4,d\n')
    assert error.line == 4
    assert "where the header has 2 (id, text)" in str(error)
    assert "quotes" in error.remedy


def test_quote_that_is_never_closed(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.csv", 'id,text\n1,"open\n2,b\n')
    assert error.line == 2
    assert "never closed" in str(error)


def test_quote_that_is_not_doubled(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.csv", 'id,text\n1,"she said "no" to it"\n')
    assert (error.line, '""no""' in error.remedy) == (2, True)


def test_field_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import csv

    limit = csv.field_size_limit(1000)
    monkeypatch.setattr(delimited, "LONGEST_FIELD", 1000)
    try:
        error = refused(tmp_path / "a.csv", 'text\nfine\n"' + "x\n" * 1000 + '"\n')
    finally:
        csv.field_size_limit(limit)
    assert error.line == 3
    assert "never closed" in str(error)


def test_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LONGEST_LINE", 1000)
    assert refused(tmp_path / "a.csv", "text\n" + "x" * 2000 + "\n").line == 2


def test_header_that_repeats_a_name(tmp_path: Path) -> None:
    assert "'text' twice" in str(refused(tmp_path / "a.csv", "text,text\na,b\n"))


def test_texts_all_empty(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.csv", "text,body\n ,x\n\t,y\n")
    assert "all 2 rows are empty in column 'text'" in str(error)


@pytest.mark.parametrize(("name", "content"), [("a.csv", ""), ("a.csv", "text\n"), ("a.jsonl", "\n"), ("a.txt", "")])
def test_no_rows(tmp_path: Path, name: str, content: str) -> None:
    refused(tmp_path / name, content)


def test_no_such_file(tmp_path: Path) -> None:
    assert "no file" in str(refused(tmp_path / "gone.csv", None))


def test_folder_without_texts(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "picture.png").write_bytes(b"x")
    assert "picture.png" in str(refused(tmp_path / "empty", None))


def test_project_is_no_source(tmp_path: Path) -> None:
    Project.create(tmp_path / "old.tyrogue")
    assert "tyrogue open" in refused(tmp_path / "old.tyrogue", None).remedy


def test_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def forbidden(self: Path, *args: Any, **kwargs: Any) -> Any:  # root may read everything, so chmod would not do
        if self.name == "a.csv":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *args, **kwargs)

    (tmp_path / "a.csv").write_text("text\na\n")
    monkeypatch.setattr(Path, "open", forbidden)
    assert "chmod" in refused(tmp_path / "a.csv", None).remedy


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", parquet_bytes(), "a Parquet file. Rename it"),
        ("a.csv", gzip.compress(b"text\na\n", mtime=0), "gunzip --keep a.csv"),
        ("a.csv", zipped("xl/workbook.xml"), "an Excel workbook. Save it"),
        ("a.csv", zipped("reviews.csv"), "a zip archive of 1 files. Unpack it: unzip a.csv"),
        ("a.jsonl", b"%PDF-1.7 ...", "a PDF"),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Office document"),
        ("a.csv", b"SQLite format 3\0...", "a SQLite database"),
        ("a.csv", b"<!DOCTYPE html><html>...", "a web page"),
        ("a.csv", b'{"text": "a"}\n', "--format jsonl"),
        ("a.json", b'[{"text": "a"}]', "jq -c '.[]'"),
        ("a.parquet", b"text,label\na,b\n", "--format csv"),
        ("a.parquet", parquet_bytes()[:-20], "cut or damaged"),
        ("a.dat", b"text\na\n", "--format"),
    ],
)
def test_file_that_is_not_what_its_name_says(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    assert says in str(refused(tmp_path / name, content))


def test_jsonl_line_that_is_no_json(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.jsonl", '{"text": "a"}\n\n{"text": "b"\n')
    assert error.line == 3
    assert "not valid JSON" in str(error)


def test_jsonl_line_that_is_no_object(tmp_path: Path) -> None:
    assert refused(tmp_path / "a.jsonl", '{"text": "a"}\n["b"]\n').line == 2


@pytest.mark.parametrize("value", ["12", "true", "[1]", '{"a": 1}'])
def test_text_that_is_no_text(tmp_path: Path, value: str) -> None:
    error = refused(tmp_path / "a.jsonl", '{"text": "a"}\n{"text": ' + value + "}\n")
    assert error.line == 2
    assert "not a text" in str(error)


def test_label_that_is_a_list(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.jsonl", '{"text": "a", "label": ["x", "y"]}\n')
    assert (error.line, "one class" in str(error)) == (1, True)


def test_label_that_is_not_in_the_list(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.csv", "text,label\na,neg\nb,positve\n", classes=["neg", "pos"])
    assert error.line == 3
    assert "'positve'" in str(error)
    assert "--labels neg,pos,positve" in error.remedy


def test_label_beyond_the_declared_classes(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text('{"classes": ["a", "b"]}')
    pq.write_table(pa.table({"text": ["x", "y"], "label": [1, 2]}), tmp_path / "train.parquet")
    assert refused(tmp_path / "train.parquet", None).line == 2


def test_ids_that_repeat_name_both_lines(tmp_path: Path) -> None:
    error = refused(tmp_path / "a.csv", "id,text\na,one\nb,two\na,three\n")
    assert error.line == 4
    assert "'a' was in line 2 already" in str(error)
    assert "--id none" in error.remedy


def test_ids_that_repeat_far_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_BATCH", 10)
    rows = "".join(f"{i},text {i}\n" for i in range(35))
    error = refused(tmp_path / "a.csv", f"id,text\n{rows}3,again\n")
    assert (error.line, "line 5 already" in str(error)) == (37, True)


def test_one_class_only_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\na,x\nb,x\n")
    (warning,) = import_source(tmp_path / "a.csv", tmp_path / "out.tyrogue").warnings
    assert "one class" in warning
    assert "'x'" in warning


def test_many_labels_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"t{i},l{i}\n" for i in range(250)))
    report = import_source(tmp_path / "a.csv", tmp_path / "out.tyrogue")
    assert "250 different values" in report.warnings[0]
    assert report.classes == ()


def test_empty_and_blank_texts_are_skipped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,n\na,1\n,2\n"  \u2003",3\nb,4\n')
    report = import_source(tmp_path / "a.csv", tmp_path / "out.tyrogue")
    assert (report.rows_new, report.empty_skipped) == (2, 2)


def test_nul_and_broken_characters_are_replaced_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"text": "a\\u0000b"}\n{"text": "c\\ud83d!", "label": "\\ud83d"}\n{"text": "\\ud83d\\ude00"}\n'
    )
    report = import_source(tmp_path / "a.jsonl", tmp_path / "out.tyrogue")
    corpus = Project.open(tmp_path / "out.tyrogue").corpus
    assert [r.text for r in corpus.records(range(3))] == ["a\ufffdb", "c\ufffd!", "😀"]
    assert corpus.record(1).gold == "\ufffd"
    assert report.cleaned == 2
    assert any("2 texts NUL" in warning for warning in report.warnings)


def test_nul_bytes_in_a_csv(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text\na\0b and enough more text around it\n")
    assert import_source(tmp_path / "a.csv", tmp_path / "out.tyrogue").cleaned == 1


def test_two_megabytes_are_kept_and_reported_as_cut(tmp_path: Path) -> None:
    huge = "many words " * 200_000
    (tmp_path / "a.csv").write_text(f"text\nshort\n{huge}\n")

    def lengths(texts: list[Any]) -> list[int]:
        return [len(t.split()) for t in texts]

    report = import_source(tmp_path / "a.csv", tmp_path / "out.tyrogue", token_lengths=lengths, max_tokens=128)
    corpus = Project.open(tmp_path / "out.tyrogue").corpus
    assert report.cut == 1
    assert corpus.record(1).text == huge
    assert corpus.token_lengths([1, 0]).tolist() == [400_000, 1]


def fill_disk(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    """Lets SQLite files grow to so many pages only: the error is SQLite's own."""
    begin = writing.PoolWriter._begin

    def limited(self: writing.PoolWriter) -> None:
        begin(self)
        self._db.execute(f"PRAGMA max_page_count = {pages}")

    monkeypatch.setattr(writing.PoolWriter, "_begin", limited)


def test_full_disk_leaves_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_disk(monkeypatch, 20)
    (tmp_path / "a.txt").write_text("".join(f"text {i}\n" for i in range(20_000)))
    with pytest.raises(ProjectError, match=r"disk is full.*Free some space"):
        import_source(tmp_path / "a.txt", tmp_path / "out.tyrogue")
    assert left_in(tmp_path) == ["a.txt"]


def test_full_disk_keeps_the_old_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = tmp_path / "a.txt", tmp_path / "out.tyrogue"
    path.write_text("".join(f"text {i}\n" for i in range(100)))
    import_source(path, out)
    path.write_text("".join(f"text {i}\n" for i in range(20_000)))
    with monkeypatch.context() as patch:
        fill_disk(patch, 30)
        with pytest.raises(ProjectError, match="disk is full"):
            import_source(path, out)
    corpus = Project.open(out).corpus
    assert len(corpus) == 100
    report = import_source(path, out)
    assert (report.rows_new, len(corpus)) == (19_900, 20_000)
    assert corpus.texts(corpus.rows_of_ids([])) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_at_the_last_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def full(partial: Path, path: Path) -> None:
        if path.name == "project.json":
            raise OSError(code, os.strerror(code))
        partial.replace(path)

    monkeypatch.setattr(durable, "rename", full)
    (tmp_path / "a.txt").write_text("text\n")
    with pytest.raises(ProjectError, match="disk is full"):
        import_source(tmp_path / "a.txt", tmp_path / "out.tyrogue")
    assert left_in(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError, sqlite3.OperationalError])
def test_import_that_is_stopped_leaves_nothing_and_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]
) -> None:
    monkeypatch.setattr(importing, "_BATCH", 10)
    (tmp_path / "a.txt").write_text("".join(f"text {i}\n" for i in range(100)))

    def stopping(done: int, share: float) -> None:
        if done >= 50:
            raise stop

    with pytest.raises(stop):
        import_source(tmp_path / "a.txt", tmp_path / "out.tyrogue", progress=stopping)
    assert left_in(tmp_path) == ["a.txt"]
    assert import_source(tmp_path / "a.txt", tmp_path / "out.tyrogue").rows_new == 100


def test_import_after_a_kill_begins_again(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text\n")
    out = tmp_path / "out.tyrogue"
    out.mkdir()
    (out / "pool.sqlite.partial").write_bytes(b"half of something")
    assert import_source(tmp_path / "a.txt", out).rows_new == 1
    assert not (out / "pool.sqlite.partial").exists()


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_BATCH", 400)
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": f"t{i}"}) + "\n" for i in range(1000)))
    told: list[tuple[int, float]] = []
    note: Callable[[int, float], None] = lambda done, share: told.append((done, share))  # noqa: E731
    import_source(tmp_path / "a.jsonl", tmp_path / "out.tyrogue", progress=note)
    assert [done for done, _ in told] == [400, 800, 1000]
    assert told[-1][1] == 1.0
    assert 0.3 < told[0][1] < 0.5

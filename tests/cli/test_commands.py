"""Commands that need no model: what they print, and what bad input gets."""

from __future__ import annotations

import json
import socket
import sqlite3
from pathlib import Path

import pytest
from terminal import Terminal

from tyrogue.cli import options
from tyrogue.corpus.project import Project
from tyrogue.labeling.plan import Plan
from tyrogue.store import Store
from tyrogue.strategies import Tyrogue


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    file = tmp_path / "reviews.csv"
    file.write_text("id,text\n" + "".join(f"r{i},review number {i}\n" for i in range(40)))
    return file


def test_import_makes_a_project_beside_the_file(tyrogue: Terminal, reviews: Path) -> None:
    told = tyrogue("import", reviews, "--labels", "negative,positive")
    assert told.code == 0
    assert told.out.strip() == str(reviews.with_suffix(".tyrogue"))
    assert "40 new texts" in told.err
    project = Project.open(told.out.strip())
    with Store.open(project.store_url, project.key) as store:
        assert [c.name for c in store.classes()] == ["negative", "positive"]


def test_importing_again_appends_only_what_is_new(tyrogue: Terminal, reviews: Path) -> None:
    tyrogue("import", reviews)
    with reviews.open("a") as file:
        file.write("r40,one more\n")
    assert json.loads(tyrogue("import", reviews, "--json").out)["rows_new"] == 1


def test_status_says_where_a_project_stands(tyrogue: Terminal, reviews: Path) -> None:
    place = tyrogue("import", reviews, "--labels", "a,b").out.strip()
    told = tyrogue("status", place)
    assert told.code == 0
    assert "0 of 40 texts labeled" in told.out
    assert json.loads(tyrogue("status", place, "--json").out)["total"] == 40


def test_status_says_what_failed_and_how_far_the_work_is(tyrogue: Terminal, reviews: Path) -> None:
    place = Path(tyrogue("import", reviews, "--labels", "a,b").out.strip())
    with Store.open(Project.open(place).store_url, Project.open(place).key) as store:
        told = {"phase": "embedding", "message": "Reading", "progress": 0.4, "error": "MemoryError: \x1b[2Jno room"}
        store.report("trainer", told)
    out = tyrogue("status", place).out
    assert "embedding Reading, 40%" in out
    assert "failed: MemoryError: " in out
    assert "no room" in out
    assert "\x1b" not in out


def test_teach_records_a_filled_in_file(tyrogue: Terminal, reviews: Path, tmp_path: Path) -> None:
    place = tyrogue("import", reviews, "--labels", "negative,positive").out.strip()
    filled = tmp_path / "filled.csv"
    filled.write_text("row,text,label\n3,x,positive\n5,y,\n7,z,negative\n")
    assert tyrogue("teach", place, filled).out.strip() == "2 labels recorded"
    assert json.loads(tyrogue("status", place, "--json").out)["labeled"] == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("row,label\n3,positive\n4,ugly\n", "line 3: label 'ugly' is not one of: negative, positive"),
        ("row,label\n400,positive\n", "line 2: row '400' is not in this project of 40 texts"),
        ("row\n1\n", "has no column label"),
    ],
)
def test_teach_records_nothing_of_a_wrong_file(
    tyrogue: Terminal, reviews: Path, tmp_path: Path, content: str, said: str
) -> None:
    place = tyrogue("import", reviews, "--labels", "negative,positive").out.strip()
    filled = tmp_path / "filled.csv"
    filled.write_text(content)
    told = tyrogue("teach", place, filled)
    assert (told.code, told.out) == (2, "")
    assert said in told.err
    assert json.loads(tyrogue("status", place, "--json").out)["labeled"] == 0


def test_strategies_lists_what_there_is(tyrogue: Terminal) -> None:
    known = json.loads(tyrogue("strategies", "--json").out)
    by_name = {one["name"]: one for one in known}
    assert set(by_name) == set(
        [
            "random",
            "entropy",
            "least_confidence",
            "margin",
            "bald",
            "bertkm",
            "ftbertkm",
            "badge",
            "alps",
            "cal",
            "coreset",
            "dal",
            "cluster_margin",
            "swapped",
            "typiclust",
            "probcover",
            "dropquery",
            "maxherding",
            "uherding",
            "tyrogue",
        ]
    )
    assert {"name", "paper", "cold_start", "whole_pool", "parameters"} <= set(by_name["tyrogue"])
    assert "ratio" in {parameter["name"] for parameter in by_name["tyrogue"]["parameters"]}
    assert "Maekawa" in tyrogue("strategies").out


def test_export_needs_to_know_what(tyrogue: Terminal, reviews: Path) -> None:
    place = tyrogue("import", reviews).out.strip()
    told = tyrogue("export", place)
    assert told.code == 2
    assert "--labels labels.csv" in told.err


def test_export_of_labels_keeps_ids(tyrogue: Terminal, reviews: Path, tmp_path: Path) -> None:
    place = tyrogue("import", reviews, "--labels", "a,b").out.strip()
    filled = tmp_path / "filled.csv"
    filled.write_text("row,label\n3,a\n")
    tyrogue("teach", place, filled)
    assert tyrogue("export", place, "--labels", tmp_path / "out.jsonl").code == 0
    (row,) = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert (row["id"], row["label"]) == ("r3", "a")


# Bad input: a message that names the remedy, exit code 2, nothing half-written


def test_a_port_in_use_is_said(tyrogue: Terminal, reviews: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = tyrogue("label", reviews, "--labels", "a,b", "--no-browser", "--port", port)
    assert told.code == 2
    assert f"--port {port + 1}" in told.err
    assert not reviews.with_suffix(".tyrogue").exists()


def test_a_second_label_on_the_same_project_is_told_where_the_first_is(tyrogue: Terminal, reviews: Path) -> None:
    place = tyrogue("import", reviews, "--labels", "a,b").out.strip()
    with Project.open(place).lock(url="http://127.0.0.1:8123/"):
        told = tyrogue("open", place, "--no-browser", "--port", "0")
    assert told.code == 2
    assert "http://127.0.0.1:8123/" in told.err


def test_a_project_of_a_newer_version_is_refused(tyrogue: Terminal, reviews: Path) -> None:
    place = Path(tyrogue("import", reviews).out.strip())
    settings = json.loads((place / "project.json").read_text())
    (place / "project.json").write_text(json.dumps(settings | {"format": 99, "version": "9.0"}))
    told = tyrogue("status", place)
    assert told.code == 2
    assert "9.0" in told.err
    assert "pip install --upgrade" in told.err


def test_a_database_of_a_newer_version_is_refused(tyrogue: Terminal, reviews: Path) -> None:
    place = Path(tyrogue("import", reviews).out.strip())
    with sqlite3.connect(place / "labels.sqlite") as db:
        db.execute("UPDATE tyrogue_version SET version_num = '9999'")
    told = tyrogue("status", place)
    assert told.code == 2
    assert "newer" in told.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["label", "nowhere.csv", "--labels", "a,b", "--no-browser", "--port", "0"], "nowhere.csv"),
        (["label", "FILE", "--labels", "a,a", "--no-browser", "--port", "0"], "twice"),
        (["label", "FILE", "--strategy", "wat", "--no-browser", "--port", "0"], "There is no strategy named 'wat'"),
        (["label", "FILE", "--strategy", "tyrogu", "--no-browser", "--port", "0"], "Did you mean 'tyrogue'?"),
        (["label", "FILE", "--recipe", "wat", "--no-browser", "--port", "0"], "--recipe wat"),
        (["label", "FILE", "--ratio", "0", "--no-browser", "--port", "0"], "--ratio 0: give a whole number"),
        (["label", "FILE", "--mode", "wat", "--no-browser", "--port", "0"], "--mode wat"),
        (["label", "FILE", "--set", "ratio=3", "--no-browser", "--port", "0"], "strategy.parameter=value"),
        (["label", "FILE", "--host", "0.0.0.0", "--token", "short", "--no-browser", "--port", "0"], "12"),
        (["open", "nowhere.tyrogue"], "not a project directory"),
        (["export", "nowhere.tyrogue", "--labels", "x.csv"], "not a project directory"),
        (["wat"], "No such command"),
        (["label"], "Missing argument"),
    ],
)
def test_what_cannot_be_ends_with_two(
    tyrogue: Terminal, reviews: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reviews.parent)
    told = tyrogue(*[str(reviews) if argument == "FILE" else argument for argument in arguments])
    assert (told.code, told.out) == (2, "")
    assert said in told.err
    assert "Traceback" not in told.err


def test_a_project_may_leave_the_ratio_to_the_labels() -> None:
    assert options.plan(ratio="auto").make_strategy() == Tyrogue(ratio="auto")
    assert Plan.of(options.plan(ratio="auto").as_settings(), {}).ratio == "auto"
    assert Plan.of(options.plan(ratio="auto").as_settings(), {"ratio": 6}).make_strategy() == Tyrogue(ratio=6)


def test_labels_that_came_with_some_texts_count_as_given(tyrogue: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "partly.csv"
    file.write_text("text,label\n" + "".join(f"text {i},{'a' if i % 2 else 'b'}\n" for i in range(10)) + "open one,\n")
    place = tyrogue("import", file).out.strip()
    state = json.loads(tyrogue("status", place, "--json").out)
    assert state["labeled"] == 10
    assert {c["name"]: c["labeled"] for c in state["classes"]} == {"a": 5, "b": 5}
    with file.open("a") as more:
        more.write("another,a\n")
    tyrogue("import", file)
    assert json.loads(tyrogue("status", place, "--json").out)["labeled"] == 11


def test_labels_that_came_with_every_text_are_gold(tyrogue: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "gold.csv"
    file.write_text("text,label\n" + "".join(f"text {i},{'a' if i % 2 else 'b'}\n" for i in range(10)))
    state = json.loads(tyrogue("status", tyrogue("import", file).out.strip(), "--json").out)
    assert state["labeled"] == 0
    assert state["autopilot"]["available"]


def test_a_healthy_machine_passes_the_doctor(
    tyrogue: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = tyrogue("doctor", "--port", "0", "--json")
    assert told.code == 0, told.out
    assert {finding["what"] for finding in json.loads(told.out)} >= {"weights", "database", "port", "browser", "device"}


def test_a_failed_label_leaves_nothing_behind(tyrogue: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "ragged.csv"
    file.write_text("text,other\na,b\nc,d,e\n")
    told = tyrogue("label", file, "--labels", "a,b", "--no-browser", "--port", "0")
    assert told.code == 2
    assert "line 3" in told.err
    assert not file.with_suffix(".tyrogue").exists()


def test_teaching_the_same_file_twice_records_once(tyrogue: Terminal, reviews: Path, tmp_path: Path) -> None:
    place = tyrogue("import", reviews, "--labels", "negative,positive").out.strip()
    filled = tmp_path / "filled.csv"
    filled.write_text("row,label\n3,positive\n7,negative\n")
    tyrogue("teach", place, filled)
    assert tyrogue("teach", place, filled).out.strip() == "0 labels recorded, 2 were known"


def test_a_text_larger_than_a_csv_field_may_be_is_taught(tyrogue: Terminal, reviews: Path, tmp_path: Path) -> None:
    place = tyrogue("import", reviews, "--labels", "negative,positive").out.strip()
    filled = tmp_path / "filled.csv"
    filled.write_text(f"row,text,label\n3,{'x' * 2_000_000},positive\n")
    assert tyrogue("teach", place, filled).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["label", "FILE", "--guidelines", "nope.md", "--no-browser", "--port", "0"],
        ["predict", "PLACE", "FILE", "-o", "no/such/out.csv"],
    ],
)
def test_a_path_that_is_not_there_is_said(
    tyrogue: Terminal, reviews: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reviews.parent)
    place = tyrogue("import", reviews, "--project", reviews.with_name("other.tyrogue")).out.strip()
    named = {"FILE": str(reviews), "PLACE": place}
    told = tyrogue(*[named.get(argument, argument) for argument in arguments])
    assert told.code == 2
    assert "Traceback" not in told.err


def test_options_that_a_project_does_not_follow_are_said(tyrogue: Terminal, reviews: Path) -> None:
    tyrogue("import", reviews, "--batch", "20")
    assert "batch 20" in tyrogue("import", reviews, "--batch", "7").err


def test_a_batch_of_any_size_can_be_asked_for(tyrogue: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text("text\n" + "".join(f"a text about number {i}\n" for i in range(200)))
    place = tyrogue("import", file, "--labels", "a,b", "--model", "linear", "--batch", 150).out.strip()
    told = tyrogue("query", place, "-o", tmp_path / "batch.csv")
    assert told.code == 0, told.err
    assert len((tmp_path / "batch.csv").read_text().splitlines()) == 151


def test_a_failed_predict_leaves_no_half_file(tyrogue: Terminal, reviews: Path, tmp_path: Path) -> None:
    place = tyrogue("import", reviews, "--labels", "a,b").out.strip()
    told = tyrogue("predict", place, reviews, "-o", tmp_path / "out.csv")  # no model yet
    assert told.code == 2
    assert "label at least" in told.err
    assert not list(tmp_path.glob("*out.csv*"))

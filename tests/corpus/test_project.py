"""A project directory: made, opened, changed, owned by one process at a time."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tyrogue.corpus import durable
from tyrogue.corpus.project import Project, project_path_for
from tyrogue.errors import BadInput, Conflict, NewerProject, ProjectError, ProjectInUse


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    made = Project.create(
        tmp_path / "reviews.tyrogue",
        columns={"text": "body", "id": None},
        classes=["neg", "pös"],
        settings={"model": "linear", "strategy": {"ratio": 3}},
        seed=7,
    )
    opened = Project.open(tmp_path / "reviews.tyrogue")
    for project in (made, opened):
        assert (project.name, project.classes, project.seed) == ("reviews", ("neg", "pös"), 7)
        assert project.columns == {"text": "body", "id": None}
        assert project.settings == {"model": "linear", "strategy": {"ratio": 3}}
    assert opened.created == made.created
    assert {opened.models_dir.name, opened.cache_dir.name, opened.logs_dir.name} == {"models", "cache", "logs"}
    assert opened.models_dir.is_dir()


def test_update_merges_settings_and_stays(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p.tyrogue", settings={"model": "linear", "batch": 50})
    project.update(settings={"batch": 20}, classes=["a"])
    assert Project.open(project.path).settings == {"model": "linear", "batch": 20} == project.settings
    assert Project.open(project.path).classes == ("a",)


def test_update_that_fails_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.create(tmp_path / "p.tyrogue", name="old")

    def full(partial: Path, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(durable, "rename", full)
    with pytest.raises(ProjectError, match=r"disk is full.*project\.json"):
        project.update(name="new")
    assert Project.open(project.path).name == "old"
    assert [file.name for file in project.path.iterdir()] == ["project.json"]


def test_database_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TYROGUE_DATABASE_URL", raising=False)
    project = Project.create(tmp_path / "p.tyrogue")
    assert project.store_url == f"sqlite:///{tmp_path}/p.tyrogue/labels.sqlite"
    project.update(database_url="postgresql://there/db")
    assert project.store_url == "postgresql://there/db"
    monkeypatch.setenv("TYROGUE_DATABASE_URL", "postgresql://here/db")
    assert project.store_url == "postgresql://here/db"


def test_no_second_project_and_none_where_there_is_none(tmp_path: Path) -> None:
    Project.create(tmp_path / "p.tyrogue")
    with pytest.raises(Conflict, match="already"):
        Project.create(tmp_path / "p.tyrogue")
    with pytest.raises(BadInput, match=r"not a project.*tyrogue label FILE"):
        Project.open(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format": 1}', '{"format": "x"}'])
def test_damaged_project(tmp_path: Path, content: str) -> None:
    (tmp_path / "project.json").write_text(content)
    with pytest.raises(ProjectError, match=r"project\.json cannot be read"):
        Project.open(tmp_path)


def test_newer_project(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p.tyrogue")
    stored = json.loads((project.path / "project.json").read_text())
    (project.path / "project.json").write_text(json.dumps({**stored, "format": 2, "version": "3.1"}))
    with pytest.raises(NewerProject, match=r"tyrogue 3\.1 \(format 2\).*pip install --upgrade"):
        Project.open(project.path)


def test_project_directory_beside_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.v2.csv").write_text("text\na\n")
    (tmp_path / "folder.d").mkdir()
    assert project_path_for("reviews.v2.csv") == tmp_path / "reviews.v2.tyrogue"
    assert project_path_for(Path("folder.d")) == tmp_path / "folder.d.tyrogue"
    assert project_path_for("owner/some:plain@test") == tmp_path / "some-plain-test.tyrogue"
    assert project_path_for("mine.tyrogue") == tmp_path / "mine.tyrogue"


OWNER = """
import sys
from tyrogue.corpus.project import Project
with Project.open(sys.argv[1]).lock() as lock:
    lock.announce("http://127.0.0.1:8000")
    print("locked", flush=True)
    sys.stdin.readline()
"""


def test_second_owner_is_told_where_the_first_is(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "p.tyrogue")
    command = [sys.executable, "-c", OWNER, str(project.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "locked\n"
        with pytest.raises(ProjectInUse, match=r"Open http://127\.0\.0\.1:8000") as caught, project.lock():
            pass
        assert (caught.value.pid, caught.value.url) == (owner.pid, "http://127.0.0.1:8000")
        owner.kill()
    # A lock dies with its owner.
    with project.lock("http://x"), pytest.raises(ProjectInUse, match="Open http://x"), project.lock():
        pass
    with project.lock():
        pass

"""`tyrogue invite` while the app is running: who is invited comes in, and the owner stays in."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path

import pytest
from terminal import Terminal

from running import running
from tyrogue.corpus.project import Project
from tyrogue.labeling.app import create_app
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.plan import Plan
from tyrogue.store import Store


@pytest.fixture
def place(tyrogue: Terminal, tmp_path: Path) -> Path:
    (tmp_path / "reviews.csv").write_text("text\nfine\nbad\nslow\n")
    return Path(tyrogue("import", tmp_path / "reviews.csv", "--labels", "yes,no").out.strip())


def status(url: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str]]:
    host = url.removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", path, headers=headers or {})
    answer = connection.getresponse()
    answer.read()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return found


def test_the_owner_of_a_running_app_is_told_his_way_in(tyrogue: Terminal, place: Path) -> None:
    project = Project.open(place)
    project.update(settings=Plan().as_settings())
    with (
        Store.open(project.store_url, project.key) as store,
        running(create_app(Engine(project, store))) as url,
        project.lock(url=url),
    ):
        assert status(url, "/api/state")[0] == 200
        told = tyrogue("invite", place, "Ada", "--role", "reviewer", "--json")
        assert told.code == 0, told.err
        invited = json.loads(told.out)
        assert (invited["name"], invited["role"], invited["kind"]) == ("Ada", "reviewer", "invitation")
        assert invited["owner"].startswith(f"{url}?token=")
        assert status(url, "/api/state")[0] == 401, "the door is closed, without a restart"
        (again,) = re.findall(r"invite=(\S+)", tyrogue("invite", place, "Ben").out)
        assert store.whose(again, "invitation") is not None, "where everybody logs in the command invites by itself"


def test_the_link_that_is_told_lets_the_owner_in(tyrogue: Terminal, place: Path) -> None:
    project = Project.open(place)
    project.update(settings=Plan().as_settings())
    with (
        Store.open(project.store_url, project.key) as store,
        running(create_app(Engine(project, store))) as url,
        project.lock(url=url),
    ):
        told = tyrogue("invite", place, "Ada")
        (secret,) = re.findall(r"#invite=(\S+)", told.out)
        assert store.whose(secret, "invitation") is not None
        (mine,) = re.findall(r"/\?token=(\S+)", told.err.replace("\n", ""))
        code, headers = status(url, f"/?token={mine}")
        assert (code, headers["location"]) == (303, "/")
        cookie = headers["set-cookie"].partition(";")[0]
        assert status(url, "/api/team", {"Cookie": cookie})[0] == 200


def test_without_a_running_app_the_command_invites_by_itself(tyrogue: Terminal, place: Path) -> None:
    project = Project.open(place)
    told = tyrogue("invite", place, "Ada")
    assert "#invite=" in told.out
    with project.lock(url="http://127.0.0.1:9/"):  # an app that does not answer
        assert "#invite=" in tyrogue("invite", place, "Ben").out
    with Store.open(project.store_url, project.key) as store:
        assert [one.name for one in store.annotators()] == ["Ada", "Ben"]

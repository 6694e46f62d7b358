"""Two projects in one database, each behind its own server: what belongs to one does nothing in the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from desk import PASSWORD, Desk, client_of, make_desk, member
from fastapi.testclient import TestClient

from tyrogue.labeling.app import create_app

Json = dict[str, Any]
MINE, THEIRS = "the-token-of-project-a", "the-token-of-project-b"


class Two(NamedTuple):
    """Projects a and b, and their owners' browsers."""

    a: Desk
    b: Desk
    of_a: TestClient
    of_b: TestClient


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    """Project a has labels, a class more and an annotator, Ada; b has an annotator, Ben."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    a = make_desk(tmp_path / "a")
    b = make_desk(tmp_path / "b", database=a.project.store_url)
    for desk, token in ((a, MINE), (b, THEIRS)):
        desk.client.app = create_app(desk.engine, token=token)
    member(a, "Ada", "owner")
    member(b, "Ben", "annotator")
    a.store.add_class("fish")
    for n, item in enumerate(a.store.reserve("Ada", 3)):
        a.store.annotate(token=f"token-{n:04}", item=item.id, annotator="Ada", action="label", class_id=2)
    a.store.push(59, "search")
    item = a.store.push(58, "search", annotator="Ada")
    a.store.annotate(token="token-0058", item=item.id, annotator="Ada", action="label", class_id=1)
    of_a, of_b = client_of(a, Authorization=f"Bearer {MINE}"), client_of(b, Authorization=f"Bearer {THEIRS}")
    yield Two(a, b, of_a, of_b)
    a.store.close()
    b.store.close()


def everything(desk: Desk) -> Json:
    """What a project holds, as far as another one could have touched it."""
    store = desk.store
    return {
        "journal": [(one.id, one.token, one.undone) for one in store.journal()],
        "classes": store.classes(),
        "people": store.annotators(),
        "credentials": store.credentials(),
        "waiting": store.queued_rows().tolist(),
        "guidelines": store.get("guidelines"),
        "labels": [part.tolist() for part in store.labels()],
    }


def test_what_lets_into_one_lets_into_the_other_by_no_way(two: Two) -> None:
    session, token, link = (two.a.store.issue("Ada", kind, seconds=600)[0] for kind in ("session", "token", "link"))
    invitation = two.a.store.issue("Ada", "invitation", seconds=600)[0]
    for cookies in ({"tyrogue_session": session}, {"tyrogue_token": MINE}, {"tyrogue_session": token}):
        browser = client_of(two.b)
        browser.cookies.update(cookies)
        assert browser.get("/api/state").status_code == 401, cookies
        assert browser.post("/api/next", json={"n": 1}).status_code == 401, cookies
    for bearer in (token, MINE, session, link, invitation):
        assert client_of(two.b, Authorization=f"Bearer {bearer}").get("/api/state").status_code == 401
    for path, body in (
        ("/api/login", {"name": "Ada", "password": PASSWORD}),
        ("/api/login/link", {"secret": link}),
        ("/api/login/invitation", {"secret": invitation, "password": "quite another password"}),
    ):
        answer = client_of(two.b).post(path, json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), path
        assert "set-cookie" not in answer.headers
    welcomed = client_of(two.b).get(f"/?token={MINE}", follow_redirects=False)
    assert "set-cookie" not in welcomed.headers
    # All of it still opens the project that it belongs to, so that it was refused for being another's.
    for bearer in (token, MINE):
        assert client_of(two.a, Authorization=f"Bearer {bearer}").get("/api/state").status_code == 200
    browser = client_of(two.a)
    browser.cookies.set("tyrogue_session", session)
    assert browser.get("/api/me").json()["name"] == "Ada"
    assert client_of(two.a).post("/api/login/link", json={"secret": link}).status_code == 200
    taken = {"secret": invitation, "password": "quite another password"}
    assert client_of(two.a).post("/api/login/invitation", json=taken).status_code == 200


def test_the_owner_of_one_can_do_nothing_to_the_other(two: Two) -> None:
    """Every number that belongs to a, offered to b by b's owner."""
    item = two.a.store.reserve("Ada", 1)[0].id
    ada = next(one for one in two.a.store.annotators() if one.name == "Ada").id
    credential = two.a.store.credentials()[0].id
    calls: list[tuple[str, str, Json | None, int]] = [
        ("POST", "/api/me/tokens", {"annotator": "Ada"}, 409),
        ("POST", "/api/annotations", {"token": "token-b001", "item": item, "action": "label", "class_id": 1}, 422),
        ("POST", "/api/annotations", {"token": "token-b002", "item": item, "action": "skip"}, 422),
        ("GET", f"/api/items/{item}/why", None, 422),
        ("POST", "/api/undo", {"token": "token-b003", "expected": "token-0001"}, 409),
        ("POST", "/api/undo", {"token": "token-b004"}, 409),
        ("POST", "/api/undo", {"token": "token-b005", "annotator": "Ada"}, 409),
        ("GET", "/api/review/58", None, 200),  # a row of its own, of which nothing was said
        ("POST", "/api/review/58", {"token": "token-b006", "class_id": 1}, 422),
        ("POST", "/api/adjudications", {"token": "token-b007", "row": 58, "class_id": 1}, 409),
        ("POST", "/api/regions/withdraw", {"rows": [59], "annotator": "Ada"}, 200),
        ("POST", "/api/regions", {"token": "token-b008", "rows": [57], "class_id": 2}, 409),
        ("PATCH", "/api/classes/2", {"name": "birds"}, 409),
        ("POST", "/api/classes/2/merge", {"into": 1}, 409),
        ("POST", "/api/classes/1/merge", {"into": 2}, 409),
        ("PATCH", f"/api/team/{ada}", {"role": "annotator"}, 409),
        ("DELETE", f"/api/team/{ada}", None, 409),
        ("DELETE", f"/api/team/credentials/{credential}", None, 409),
    ]
    before = everything(two.a)
    for method, path, body, status in calls:
        answer = two.of_b.request(method, path, json=body)
        assert answer.status_code == status, (method, path, body, answer.text)
    assert two.of_b.get("/api/review/58").json()["history"] == []
    assert everything(two.a) == before


def test_nothing_of_one_is_told_in_the_other(two: Two) -> None:
    state = two.of_b.get("/api/state").json()
    assert (state["labeled"], state["journal"], [one["name"] for one in state["classes"]]) == (0, 2, ["dogs", "cats"])
    assert two.of_b.get("/api/annotations?annotator=Ada").json()["annotations"] == []
    assert two.of_b.get("/api/review").json()["labels"] == []
    assert [one["name"] for one in two.of_b.get("/api/team").json()["people"]] == ["Ben"]
    assert two.of_b.get("/api/disagreements").json()["total"] == two.of_b.get("/api/agreement").json()["texts"] == 0
    assert two.of_b.get("/api/export?format=jsonl").text == ""
    assert two.of_b.get("/api/map/marks").json()["rows"] == []
    assert two.of_a.get("/api/state").json()["labeled"] == 4


def test_the_same_token_may_be_used_in_both(two: Two) -> None:
    """A token belongs to its project: neither does b's decision vanish, nor is a's given as its answer."""
    item = two.of_b.post("/api/next", json={"n": 1}).json()["items"][0]
    body = {"token": "token-0001", "item": item["id"], "action": "label", "class_id": 0}
    answer = two.of_b.post("/api/annotations", json=body)
    assert (answer.status_code, answer.json()["row"], answer.json()["labeled"]) == (201, item["row"], 1)
    before = everything(two.a)
    assert two.of_b.post("/api/undo", json={"token": "undo-0001", "expected": "token-0001"}).status_code == 200
    assert everything(two.a) == before

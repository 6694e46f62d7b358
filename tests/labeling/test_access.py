"""Who may do what: every route by every role, logins, invitations, sessions, and what another site cannot do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import ASKS, OWNERS_TOKEN, PASSWORD, Desk, client_of, member
from fastapi.testclient import TestClient

from tyrogue.errors import UsageError
from tyrogue.labeling.access import RULES
from tyrogue.labeling.app import create_app
from tyrogue.labeling.examples import EXAMPLES
from tyrogue.labeling.security import token_for
from tyrogue.store import Store

ROLES = ("nobody", "annotator", "reviewer", "owner")

# Written apart from access.RULES: what each role may call beside what the roles before it may.
MAY: dict[str, str] = {
    "nobody": "GET /api/health, POST /api/login, POST /api/login/link, POST /api/login/invitation, POST /api/logout",
    "annotator": "GET /api/me, PUT /api/me/password, POST /api/me/tokens, POST /api/next, POST /api/annotations, "
    "POST /api/undo, GET /api/annotations, POST /api/items, GET /api/state, GET /api/rows/{row}, GET /api/search, "
    "GET /api/classes, GET /api/preview, GET /api/judgement, GET /api/texts, "
    "GET /api/items/{id}/why, GET /api/map, GET /api/map/marks, GET /api/map/opinions, GET /api/map/picks, "
    "POST /api/regions, POST /api/regions/queue, POST /api/regions/withdraw",
    "reviewer": "GET /api/team, GET /api/agreement, GET /api/disagreements, POST /api/adjudications, GET /api/export, "
    "GET /api/review, GET /api/review/{row}, POST /api/review/{row}",
    "owner": "POST /api/classes, PATCH /api/classes/{class_id}, POST /api/classes/{class_id}/merge, "
    "PATCH /api/settings, PUT /api/guidelines, POST /api/promotion, POST /api/autopilot, POST /api/team/invitations, "
    "PATCH /api/team/{person}, DELETE /api/team/{person}, DELETE /api/team/credentials/{credential}",
}


@pytest.fixture
def team(desk: Desk) -> Iterator[dict[str, TestClient]]:
    """A browser of each role."""
    desk.client.headers["Authorization"] = f"Bearer {OWNERS_TOKEN}"
    made = make_team(desk)
    yield made
    del desk.client.headers["Authorization"]


def make_team(desk: Desk) -> dict[str, TestClient]:
    app = create_app(desk.engine, token=OWNERS_TOKEN)
    desk.client.app = app
    desk.client._transport.app = app
    return {"nobody": client_of(desk)} | {role: member(desk, f"the {role}", role) for role in ROLES[1:]}


def test_the_table_of_rules_is_the_one_that_was_meant() -> None:
    allowed: list[str] = []
    for role in ROLES:
        allowed += MAY[role].split(", ")
        assert sorted(call for call, roles in RULES.items() if role in roles) == sorted(allowed), role


def test_every_route_has_a_rule_and_every_rule_a_route(desk: Desk) -> None:
    paths = desk.client.get("/openapi.json").json()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert routes == set(RULES)


def test_every_route_lets_in_who_may_and_nobody_else(desk: Desk, team: dict[str, TestClient]) -> None:
    """Requests are wrong on purpose where that keeps them from doing anything: what counts is who is refused."""
    for call, roles in RULES.items():
        method, path = call.split()
        for role, browser in team.items():
            if call in ("POST /api/logout", "POST /api/login"):
                continue
            asked = re.sub(r"\{\w+\}", "999999", path)
            body = None if method in ("GET", "DELETE") else {"wrong": True}
            status = browser.request(method, asked, json=body).status_code
            expected = {401} if role == "nobody" else {403}
            if role in roles:
                assert status not in (401, 403), f"{role} was refused {call}: {status}"
            else:
                assert status in expected, f"{role} may not {call}, and got {status}"


def test_on_loopback_without_a_team_nobody_logs_in(desk: Desk) -> None:
    assert desk.client.get("/api/me").json() == {"name": None, "role": "owner", "login": "none"}
    assert desk.client.get("/api/state?annotator=Zoe").json()["me"]["name"] == "Zoe"


def test_the_first_invitation_closes_the_door(desk: Desk) -> None:
    desk.client.post("/api/team/invitations", json={"name": "Ada"})
    assert desk.client.get("/api/me").json() == {"name": None, "role": "owner", "login": "token"}, "the inviter is in"
    answer = client_of(desk).get("/api/state")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "?token=" in answer.json()["detail"]


def test_serving_to_others_without_a_login_is_refused(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"--token.*tyrogue invite.*127\.0\.0\.1"):
        create_app(desk.engine, host="0.0.0.0")
    with pytest.raises(UsageError, match="anybody who can reach"):
        create_app(desk.engine, names=["label.example"])
    desk.engine.store.annotator("Ada")
    desk.engine.store.issue("Ada", "invitation", seconds=60)
    create_app(desk.engine, host="0.0.0.0")
    assert len(token_for("0.0.0.0", None) or "") >= 24
    assert token_for("127.0.0.1", None) is None
    assert token_for("127.0.0.1", None, team=True) is not None


def test_where_others_can_reach_it_the_door_stays_shut_when_the_last_one_leaves(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tyrogue.labeling.access.REMEMBERED_SECONDS", -1.0)  # the store is asked each time
    store = desk.engine.store
    store.annotator("Ada")
    store.issue("Ada", "invitation", seconds=60)
    for options in ({"host": "0.0.0.0"}, {"names": ["label.example"]}):
        app = create_app(desk.engine, **options)
        with TestClient(app, base_url="http://127.0.0.1") as outside:
            assert outside.get("/api/state").status_code == 401
            store.remove_annotator("Ada")
            assert not store.has_team()
            assert outside.get("/api/state").status_code == 401
            store.welcome_back("Ada")
            store.issue("Ada", "invitation", seconds=60)


def test_an_invitation_lets_in_once_and_the_password_ever_after(desk: Desk, team: dict[str, TestClient]) -> None:
    invited = desk.client.post("/api/team/invitations", json={"name": "Ada", "role": "annotator"}).json()
    secret = invited["path"].removeprefix("/#invite=")
    browser = client_of(desk)
    assert browser.post("/api/login/invitation", json={"secret": secret, "password": "short"}).status_code == 422
    taken = browser.post("/api/login/invitation", json={"secret": secret, "password": PASSWORD})
    cookie = taken.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert browser.get("/api/me").json()["name"] == "Ada"
    again = client_of(desk).post("/api/login/invitation", json={"secret": secret, "password": PASSWORD + "!"})
    assert (again.status_code, again.headers["content-type"]) == (401, "application/problem+json")
    other = client_of(desk)
    assert other.post("/api/login", json={"name": "Ada", "password": PASSWORD}).json()["role"] == "annotator"
    assert other.get("/api/state").json()["me"] == {"name": "Ada", "role": "annotator", "login": "account"}


def test_secrets_and_passwords_are_nowhere_in_the_database(desk: Desk, team: dict[str, TestClient]) -> None:
    invited = desk.client.post("/api/team/invitations", json={"name": "Ada", "reusable": True}).json()
    token = desk.client.post("/api/me/tokens", json={"annotator": "Ada"}).json()["token"]
    secrets = [invited["path"].partition("=")[2], token, team["owner"].cookies["tyrogue_session"], PASSWORD]
    with desk.engine.store._database.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())
    assert "$argon2id$" in dump
    assert not [secret for secret in secrets if secret in dump]


def test_a_link_lets_in_until_it_is_revoked(desk: Desk, team: dict[str, TestClient]) -> None:
    invited = desk.client.post("/api/team/invitations", json={"name": "Ben", "reusable": True}).json()
    secret = invited["path"].removeprefix("/#link=")
    for _ in range(2):
        assert client_of(desk).post("/api/login/link", json={"secret": secret}).json()["name"] == "Ben"
    assert (
        client_of(desk).post("/api/login/invitation", json={"secret": secret, "password": PASSWORD}).status_code == 401
    )
    assert desk.client.delete(f"/api/team/credentials/{invited['id']}").status_code == 200
    assert client_of(desk).post("/api/login/link", json={"secret": secret}).status_code == 401
    assert desk.client.delete(f"/api/team/credentials/{invited['id']}").status_code == 409


def test_logging_out_ends_the_session_on_the_server(desk: Desk, team: dict[str, TestClient]) -> None:
    browser = team["annotator"]
    stolen = browser.cookies["tyrogue_session"]
    assert browser.post("/api/logout").status_code == 200
    browser.cookies.clear()
    assert client_of(desk, Cookie=f"tyrogue_session={stolen}").get("/api/state").status_code == 401


def test_who_is_removed_is_out_and_his_labels_stay(desk: Desk, team: dict[str, TestClient]) -> None:
    browser = team["annotator"]
    item = browser.post("/api/next", json={"n": 2}).json()["items"][0]
    label = {"token": "token-0001", "item": item["id"], "action": "label", "class_id": 1}
    assert browser.post("/api/annotations", json=label).status_code == 201
    people = desk.client.get("/api/team").json()["people"]
    person = next(one["id"] for one in people if one["name"] == "the annotator")
    left = desk.client.delete(f"/api/team/{person}").json()["people"]
    assert next(one for one in left if one["id"] == person) | {"last": None} == {
        "id": person, "name": "the annotator", "role": "annotator", "password": False, "left": True, "labels": 1,
        "skips": 0, "flags": 0, "today": 1, "last": None, "pace_seconds": None,
    }  # fmt: skip
    assert browser.get("/api/state").status_code == 401
    login = {"name": "the annotator", "password": PASSWORD}
    assert client_of(desk).post("/api/login", json=login).status_code == 401
    assert desk.client.get("/api/state").json()["labeled"] == 1
    assert desk.client.patch(f"/api/team/{person}", json={"role": "owner"}).status_code == 409


def test_a_role_counts_from_the_next_request_on(desk: Desk, team: dict[str, TestClient]) -> None:
    assert team["annotator"].get("/api/team").status_code == 403
    people = desk.client.get("/api/team").json()["people"]
    person = next(one["id"] for one in people if one["name"] == "the annotator")
    desk.client.patch(f"/api/team/{person}", json={"role": "reviewer"})
    assert team["annotator"].get("/api/team").status_code == 200


def test_guessing_is_slowed_down(desk: Desk, team: dict[str, TestClient]) -> None:
    browser = client_of(desk)
    wrong = {"name": "the annotator", "password": "wrong"}
    told = [browser.post("/api/login", json=wrong).status_code for _ in range(6)]
    assert told == [401] * 5 + [429]
    right = browser.post("/api/login", json=wrong | {"password": PASSWORD})
    assert right.status_code == 429, "the right password does not tell itself by being let in"
    assert int(right.headers["retry-after"]) >= 1
    assert browser.post("/api/login", json={"name": "the owner", "password": PASSWORD}).status_code == 200
    robot = client_of(desk, Authorization="Bearer wrong-token-0000")
    assert {robot.get("/api/state").status_code for _ in range(31)} == {401, 429}


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(desk: Desk, team: dict[str, TestClient]) -> None:
    answers = [
        client_of(desk).post("/api/login", json={"name": name, "password": "wrong"}).json()
        for name in ("the annotator", "no such person")
    ]
    assert answers[0] == answers[1]


def test_a_token_of_a_program_acts_for_its_owner(desk: Desk, team: dict[str, TestClient]) -> None:
    token = team["annotator"].post("/api/me/tokens", json={"label": "script"}).json()["token"]
    program = client_of(desk, Authorization=f"Bearer {token}")
    assert program.get("/api/me").json() == {"name": "the annotator", "role": "annotator", "login": "account"}
    assert program.get("/api/team").status_code == 403
    assert team["annotator"].post("/api/me/tokens", json={"annotator": "the owner"}).status_code == 403


def test_a_new_password_ends_the_other_sessions_of_its_owner(desk: Desk, team: dict[str, TestClient]) -> None:
    """Whoever had come in with the old password is out at once; links, programs and other people stay."""
    mine, other = team["annotator"], member(desk, "the annotator", "annotator")
    desk.store.set_password("the annotator", desk.store.password_of("the annotator") or "")  # ends both
    assert [browser.get("/api/me").status_code for browser in (mine, other)] == [401, 401]
    login = {"name": "the annotator", "password": PASSWORD}
    for browser in (mine, other):
        browser.cookies.clear()
        assert browser.post("/api/login", json=login).status_code == 200
    token = mine.post("/api/me/tokens", json={"label": "script"}).json()["token"]
    changed = mine.put("/api/me/password", json={"old": PASSWORD, "new": "quite another password"})
    assert changed.status_code == 200
    assert other.get("/api/me").status_code == 401
    assert mine.get("/api/me").json()["name"] == "the annotator"
    assert client_of(desk, Authorization=f"Bearer {token}").get("/api/me").status_code == 200
    assert team["reviewer"].get("/api/me").status_code == 200


def test_an_invitation_taken_up_again_ends_what_was_open(desk: Desk, team: dict[str, TestClient]) -> None:
    invited = desk.client.post("/api/team/invitations", json={"name": "the annotator"}).json()
    secret = invited["path"].removeprefix("/#invite=")
    browser = client_of(desk)
    taken = browser.post("/api/login/invitation", json={"secret": secret, "password": "quite another password"})
    assert taken.status_code == 200
    assert team["annotator"].get("/api/me").status_code == 401
    assert browser.get("/api/me").status_code == 200


def test_a_password_changes_only_with_the_old_one(desk: Desk, team: dict[str, TestClient]) -> None:
    browser, new = team["annotator"], "quite another password"
    assert browser.put("/api/me/password", json={"new": new}).status_code == 403
    assert browser.put("/api/me/password", json={"old": PASSWORD, "new": new}).status_code == 200
    login = {"name": "the annotator", "password": new}
    assert client_of(desk).post("/api/login", json=login).status_code == 200


def test_nobody_labels_in_another_name(desk: Desk, team: dict[str, TestClient]) -> None:
    ada = team["annotator"]
    for path, body in (
        ("/api/next", {"annotator": "the owner"}),
        ("/api/undo", {"token": "token-0001", "annotator": "the owner"}),
        ("/api/items", {"row": 3, "annotator": "the owner"}),
    ):
        refused = ada.post(path, json=body)
        assert (refused.status_code, "logged in as the annotator" in refused.json()["detail"]) == (403, True)
    item = ada.post("/api/next", json={"annotator": "me"}).json()["items"][0]["id"]
    label = {"token": "token-0001", "item": item, "action": "label", "class_id": 1}
    assert ada.post("/api/annotations", json=label).json()["annotator"] == "the annotator"
    named = ada.post("/api/annotations", json=label | {"token": "token-0002", "annotator": "the owner"})
    assert named.status_code == 403


def test_annotators_see_their_own_decisions_and_reviewers_all(desk: Desk, team: dict[str, TestClient]) -> None:
    for n, role in enumerate(("annotator", "owner")):
        item = team[role].post("/api/next", json={"n": 1}).json()["items"][0]["id"]
        label = {"token": f"token-000{n}", "item": item, "action": "label", "class_id": 1}
        assert team[role].post("/api/annotations", json=label).status_code == 201
    seen = {role: team[role].get("/api/annotations").json()["annotations"] for role in ROLES[1:]}
    assert [one["annotator"] for one in seen["annotator"]] == ["the annotator"]
    peeked = team["annotator"].get("/api/annotations?annotator=the owner").json()["annotations"]
    assert [one["annotator"] for one in peeked] == ["the annotator"]
    assert [one["annotator"] for one in seen["reviewer"]] == ["the owner", "the annotator"]


def test_an_annotator_gives_no_second_looks(desk: Desk, team: dict[str, TestClient]) -> None:
    assert team["annotator"].post("/api/items", json={"row": 3, "kind": "review"}).status_code == 403
    fresh = next(row for row in range(60) if row not in desk.store.queued_rows())
    item = team["reviewer"].post("/api/items", json={"row": fresh, "kind": "review"}).json()["id"]
    label = {"token": "token-0001", "item": item, "action": "label", "class_id": 1}
    assert team["annotator"].post("/api/annotations", json=label).status_code == 403
    assert team["reviewer"].post("/api/annotations", json=label).status_code == 201


def test_who_knows_one_project_does_not_know_another(tmp_path: Path, desk: Desk, team: dict[str, TestClient]) -> None:
    """Two projects in one database: sessions, tokens, items and people of one are nothing in the other."""
    other = Store.open(desk.project.store_url, "another project")
    with other:
        session = team["owner"].cookies["tyrogue_session"]
        assert desk.store.whose(session, "session") is not None
        assert other.whose(session, "session") is None
        assert (other.credentials(), other.annotators(), other.has_team()) == ([], [], False)
        assert other.end(secret=session) == other.end(id=1) == 0
        assert other.password_of("the owner") is None
        item = desk.store.reserve("ann", 1)[0].id
        with pytest.raises(UsageError, match="no queue item"):
            other.annotate(token="token-0001", item=item, annotator="eve", action="skip")
        assert other.work() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "[::1"}, 200),
        ({"Host": "[::1]:8000"}, 200),
        ({"Host": "["}, 421),
        ({"Host": ""}, 421),
        ({"Host": "localhost:8000"}, 200),
        ({"Content-Length": "many"}, 400),
        ({"Content-Length": "-5"}, 400),
        ({"Content-Length": "99999999999999999999"}, 413),
        ({"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_headers_that_are_not_what_they_should_be(desk: Desk, headers: dict[str, str], status: int) -> None:
    assert desk.client.get("/api/health", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1", 200),
        ("http://127.0.0.1:9999", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
def test_another_origin_changes_nothing_even_with_the_header(desk: Desk, origin: str, status: int) -> None:
    assert desk.client.post("/api/next", json={}, headers={"Origin": origin}).status_code == status


def test_a_proxy_may_call_us_by_a_name_that_was_told(desk: Desk) -> None:
    app = create_app(desk.engine, token=OWNERS_TOKEN, names=["Label.Example"])
    browser = TestClient(app, base_url="https://label.example", headers=ASKS)
    welcomed = browser.get(f"/?token={OWNERS_TOKEN}&annotator=Zo%C3%AB", follow_redirects=False)
    assert (welcomed.status_code, welcomed.headers["location"]) == (303, "/?annotator=Zo%C3%AB")
    assert "Secure" in welcomed.headers["set-cookie"]
    assert browser.get("/api/state").status_code == 200
    assert browser.get("/api/state", headers={"Host": "other.example"}).status_code == 421


def test_no_answer_allows_another_origin(desk: Desk) -> None:
    answer = desk.client.options(
        "/api/next", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_call_has_an_example(desk: Desk) -> None:
    assert set(EXAMPLES) == set(RULES)
    schema = desk.client.get("/openapi.json").json()
    for path, methods in schema["paths"].items():
        for method, told in methods.items():
            if "requestBody" in told:
                assert told["requestBody"]["content"]["application/json"]["examples"], f"{method} {path}"
            done = next(answer for status, answer in told["responses"].items() if status.startswith("2"))
            assert [kind for kind in done["content"].values() if "example" in kind], f"{method} {path}"
            assert "application/problem+json" in told["responses"]["422"]["content"]


def test_the_examples_are_like_the_answers(desk: Desk) -> None:
    """Sends each example to a real project; the answer has the keys, and kinds of values, that the example shows."""
    calls: dict[str, Any] = {
        "GET /api/health": {}, "GET /api/state": {}, "POST /api/next": {"n": 1}, "GET /api/me": {},
        "POST /api/annotations": {"token": "token-0001", "item": 1, "action": "label", "class_id": 1},
        "GET /api/annotations": {}, "POST /api/undo": {"token": "token-0002"}, "POST /api/items": {"row": 41},
        "GET /api/rows/41": {}, "GET /api/search?q=cats": {}, "GET /api/classes": {},
        "PATCH /api/settings": EXAMPLES["PATCH /api/settings"]["body"], "GET /api/agreement": {},
        "GET /api/judgement": {}, "GET /api/review": {},
        "PUT /api/guidelines": EXAMPLES["PUT /api/guidelines"]["body"],
    }  # fmt: skip
    for call, body in calls.items():
        method, path = call.split()
        answer = desk.client.request(method, path, json=body or None)
        assert answer.status_code < 300, (call, answer.text)
        name = call.partition("?")[0].replace("41", "{row}")
        compare(EXAMPLES[name]["answer"], answer.json(), call)


def compare(example: Any, answer: Any, where: str) -> None:
    if isinstance(example, dict) and isinstance(answer, dict):
        free = where.endswith((".meta", ".facts"))
        assert free or example.keys() <= answer.keys(), f"{where}: {example.keys() - answer.keys()}"
        for key in example.keys() & answer.keys():
            compare(example[key], answer[key], f"{where}.{key}")
    elif isinstance(example, list) and isinstance(answer, list):
        for one in answer[:1]:
            compare(example[0], one, f"{where}[]")
    elif example is not None and answer is not None:
        numbers = (int, float)
        same = type(example) is type(answer) or (isinstance(example, numbers) and isinstance(answer, numbers))
        assert same, f"{where}: {example!r} in the example, {answer!r} in the answer"


def test_what_nobody_foresaw_is_a_problem_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret words of the inside")

    monkeypatch.setattr(desk.engine, "row", broken)
    quiet = TestClient(desk.client.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    answer = quiet.get("/api/rows/3")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "secret words" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/api/next", 405), ("PUT", "/api/state", 405), ("GET", "/no", 404)]
)
def test_routes_that_are_not_there_are_problems(desk: Desk, method: str, path: str, status: int) -> None:
    answer = desk.client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")

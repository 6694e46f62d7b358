"""The HTTP API as docs/api.md tells it, without any trainer: every route answers."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, make_desk
from fastapi.testclient import TestClient


def reserve(client: TestClient, n: int = 5, annotator: str = "me") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.post("/api/next", json={"n": n, "annotator": annotator}).json()["items"]
    return items


def decide(client: TestClient, item: int, token: str, **more: Any) -> Any:
    body = {"token": token, "item": item, "action": "label", "class_id": 1} | more
    return client.post("/api/annotations", json=body)


def test_next_reserves_and_gives_the_same_again(desk: Desk) -> None:
    first = reserve(desk.client)
    assert [item["id"] for item in reserve(desk.client)] == [item["id"] for item in first]
    assert not {item["id"] for item in reserve(desk.client, annotator="Ada")} & {item["id"] for item in first}


def test_an_item_tells_what_the_page_shows(desk: Desk) -> None:
    item, _, blind = reserve(desk.client, 3)
    assert item["suggestion"] == {"class_id": 1, "probability": 0.7}
    assert [p["class_id"] for p in item["probabilities"]] == [1, 0]
    assert item["model"]["version"] == "m1"
    assert item["facts"] == {"step": "diverse", "cluster": 3, "score": 0.5}
    assert item["meta"] == {"colour": "red"}
    assert item["external_id"] == f"p{item['row']}"
    assert blind["kind"] == "reference"
    assert blind["suggestion"] is None
    assert blind["probabilities"] is None, "what judges the model is labeled blind"


def test_hidden_suggestions_stay_on_the_server(desk: Desk) -> None:
    assert desk.client.patch("/api/settings", json={"suggestions": False}).json()["suggestions"] is False
    assert reserve(desk.client, 1)[0]["probabilities"] is None


def test_a_token_records_once(desk: Desk) -> None:
    item = reserve(desk.client, 1)[0]["id"]
    first, again = decide(desk.client, item, "token-0001"), decide(desk.client, item, "token-0001")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert desk.client.get("/api/state").json()["labeled"] == 1


def test_undo_brings_the_text_back_first_and_goes_on(desk: Desk) -> None:
    items = reserve(desk.client, 3)
    for n, item in enumerate(items):
        decide(desk.client, item["id"], f"token-000{n}")
    for item in reversed(items):
        undone = desk.client.post("/api/undo", json={"token": f"undo-{item['id']:05}"}).json()
        assert undone["item"]["id"] == item["id"]
        assert undone["item"]["label"] == 1
        assert reserve(desk.client, 1)[0]["id"] == item["id"]
    assert desk.client.get("/api/state").json()["labeled"] == 0
    nothing = desk.client.post("/api/undo", json={"token": "undo-nothing"})
    assert nothing.status_code == 409
    assert "nothing to undo" in nothing.json()["detail"]


def test_skip_and_flag_take_the_text_off_the_queue(desk: Desk) -> None:
    one, two = reserve(desk.client, 2)
    assert decide(desk.client, one["id"], "token-skip", action="skip", class_id=None).status_code == 201
    flagged = decide(desk.client, two["id"], "token-flag", action="flag", class_id=None, note="is this a cat?")
    assert flagged.json()["note"] == "is this a cat?"
    state = desk.client.get("/api/state").json()
    assert (state["labeled"], state["skipped"], state["flagged"]) == (0, 1, 1)
    assert not {one["id"], two["id"]} & {item["id"] for item in reserve(desk.client, 20)}


def test_classes_are_added_renamed_and_merged(desk: Desk) -> None:
    decide(desk.client, reserve(desk.client, 1)[0]["id"], "token-0001")
    added = desk.client.post("/api/classes", json={"name": " both "}).json()["classes"]
    assert [c["name"] for c in added] == ["dogs", "cats", "both"]
    both = added[2]["id"]
    assert desk.client.patch(f"/api/classes/{both}", json={"name": "pets"}).json()["classes"][2]["name"] == "pets"
    merged = desk.client.post("/api/classes/1/merge", json={"into": both}).json()["classes"]
    assert next(c for c in merged if c["id"] == both)["labeled"] == 1
    assert next(c for c in merged if c["id"] == 1)["active"] is False
    assert desk.client.post("/api/classes", json={"name": "pets"}).status_code == 409
    refused = decide(desk.client, reserve(desk.client, 1)[0]["id"], "token-0002", class_id=1)
    assert refused.status_code in (409, 422)


def warnings(desk: Desk) -> list[str]:
    return list(desk.client.get("/api/state").json()["warnings"])


def test_classes_with_few_labels_are_warned_of(desk: Desk) -> None:
    items = [*reserve(desk.client, 19), desk.client.post("/api/items", json={"row": 41}).json()]
    for n, item in enumerate(items[:19]):
        decide(desk.client, item["id"], f"token-{n:04}", class_id=int(n == 7))
    assert warnings(desk) == [], "before twenty labels every class has few"
    decide(desk.client, items[19]["id"], "token-0019", class_id=0)
    assert warnings(desk) == ["Class 'cats' has 1 label: search for examples of it (key /)."]
    desk.client.post("/api/classes", json={"name": "fish"})
    assert warnings(desk)[1:] == ["Class 'fish' has 0 labels: search for examples of it (key /)."]
    for n in range(3):
        decide(desk.client, items[n]["id"], f"again-{n:04}", class_id=1)
    assert warnings(desk)[0].startswith("Class 'cats' has 4 labels:")
    decide(desk.client, items[3]["id"], "again-0003", class_id=1)
    assert [words.split("'")[1] for words in warnings(desk)] == ["fish"], "five are enough"
    desk.client.post("/api/classes/2/merge", json={"into": 0})
    assert warnings(desk) == [], "who was merged is not missed"


def test_one_class_is_too_few_to_choose_from(desk: Desk) -> None:
    assert warnings(desk) == []
    desk.client.post("/api/classes/1/merge", json={"into": 0})
    assert warnings(desk) == ["There is one class or none: add the classes to choose from (key c)."]


def test_what_was_decided_is_listed_newest_first(desk: Desk) -> None:
    for n, item in enumerate(reserve(desk.client, 3)):
        decide(desk.client, item["id"], f"token-000{n}")
    page = desk.client.get("/api/annotations?limit=2").json()
    assert page["more"]
    ids = [a["id"] for a in page["annotations"]]
    assert ids == sorted(ids, reverse=True)
    rest = desk.client.get(f"/api/annotations?limit=2&before={ids[-1]}").json()
    assert not rest["more"]
    assert len(rest["annotations"]) == 1


def test_search_finds_and_queues_first(desk: Desk) -> None:
    found = desk.client.get("/api/search", params={"q": "number 41 cats"}).json()
    assert [row["row"] for row in found["rows"]] == [41]
    pushed = desk.client.post("/api/items", json={"row": 41})
    assert pushed.status_code == 201
    assert reserve(desk.client, 1)[0]["row"] == 41
    assert desk.client.get("/api/rows/41").json()["external_id"] == "p41"


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_export_downloads_the_labels(desk: Desk, kind: str) -> None:
    item = reserve(desk.client, 1)[0]
    decide(desk.client, item["id"], "token-0001")
    answer = desk.client.get(f"/api/export?format={kind}")
    assert answer.status_code == 200
    assert answer.content
    if kind == "csv":
        (row,) = csv.DictReader(io.StringIO(answer.text))
        assert (row["id"], row["label"], row["colour"]) == (item["external_id"], "cats", "red")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/next", {"n": 0}, 422),
        ("POST", "/api/next", {"n": 5, "wat": 1}, 422),
        ("POST", "/api/annotations", {"token": "token-0001", "item": 10**9, "action": "skip"}, 422),
        ("POST", "/api/annotations", {"token": "x", "item": 1, "action": "skip"}, 422),
        ("POST", "/api/annotations", {"token": "token-0001", "item": 1, "action": "label", "class_id": 77}, 409),
        ("POST", "/api/annotations", {"token": "token-0001", "item": 1, "action": "destroy"}, 422),
        ("POST", "/api/classes", {"name": "  "}, 422),
        ("POST", "/api/classes/0/merge", {"into": 0}, 409),
        ("PATCH", "/api/classes/99", {"name": "x"}, 409),
        ("GET", "/api/rows/100000", None, 422),
        ("PATCH", "/api/settings", {"batch": 0}, 422),
        ("PATCH", "/api/settings", {"seed": 3}, 422),
        ("POST", "/api/autopilot", {"on": True}, 422),
        ("GET", "/api/export?format=exe", None, 422),
        ("GET", "/api/nothing", None, 404),
    ],
)
def test_what_cannot_be_gets_a_problem_that_says_why(
    desk: Desk, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    answer = desk.client.request(method, path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"]
    assert desk.client.get("/api/state").json()["labeled"] == 0


def test_another_origin_cannot_label(desk: Desk) -> None:
    bare = TestClient(desk.client.app, base_url="http://127.0.0.1")
    assert bare.post("/api/next", json={}).status_code == 403
    assert bare.get("/api/state", headers={"Host": "evil.example"}).status_code == 421
    assert bare.get("/api/state").status_code == 200


def test_a_large_body_is_refused(desk: Desk) -> None:
    assert desk.client.put("/api/guidelines", json={"text": "x" * 2_000_000}).status_code == 413


def test_anywhere_else_asks_for_the_token(tmp_path: Path) -> None:
    token = "a-token-of-some-length"
    desk = make_desk(tmp_path, token=token, host="10.1.2.3")
    with desk.client as client:
        assert client.get("/api/state").status_code == 401
        assert client.get("/api/state", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/api/state", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert client.get("/").status_code == 200, "the page itself says how to get in"
        welcomed = client.get(f"/?token={token}", follow_redirects=False)
        assert (welcomed.status_code, welcomed.headers["location"]) == (303, "/")
        assert client.get("/api/state").status_code == 200, "the cookie keeps it"
        assert client.get("/?token=wrong", follow_redirects=False).status_code == 200
    desk.store.close()


def test_every_answer_carries_the_policy(desk: Desk) -> None:
    for path in ("/", "/api/state", "/static/main.js", "/api/nothing"):
        headers = desk.client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2f..%2fcli/say.py"])
def test_no_path_leads_out_of_the_page(desk: Desk, path: str) -> None:
    assert desk.client.get(path).status_code == 404


def test_the_documentation_knows_every_route(desk: Desk) -> None:
    told = Path("docs/api.md").read_text(encoding="utf-8")
    for path in desk.client.get("/openapi.json").json()["paths"]:
        assert path.replace("{class_id}", "{id}") in told, path

"""Texts, names and requests that mean harm: they come out as they are or are refused, and nothing runs or breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from desk import ASKS, Desk
from fastapi.testclient import TestClient

from tyrogue.cli.say import shown
from tyrogue.corpus.importing import import_source
from tyrogue.corpus.project import Project
from tyrogue.labeling.app import create_app
from tyrogue.labeling.engine import LONGEST_TEXT, Engine
from tyrogue.labeling.plan import Plan
from tyrogue.store import NewItem, Store

TEXTS = {
    "html": "<img src=x onerror=alert(1)><b>bold</b>",
    "script": "</script><script>alert(document.cookie)</script>",
    "ansi": "\x1b[2J\x1b]0;owned\x07 red \x1b[31m",
    "nul": "before\x00after",
    "rtl": "\u202egnirts desrever\u202c and עברית",
    "zero": "in\u200bvis\u200dible\ufeff\u2060",
    "half": "smile \U0001f600 and combining e\u0301\u0301\u0301",
    "formula": '=HYPERLINK("http://evil.example")',
    "template": "{{7*7}} ${7*7} %s %n",
    "sql": "'; DROP TABLE annotations; --",
    "large": "x" * 2_000_000,
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, TestClient]]:
    folder = tmp_path_factory.mktemp("odd")
    lines = (json.dumps({"id": name, "text": text}) + "\n" for name, text in TEXTS.items())
    (folder / "odd.jsonl").write_text("".join(lines), encoding="utf-8")
    import_source(folder / "odd.jsonl", folder / "odd.tyrogue", reference=0)
    project = Project.open(folder / "odd.tyrogue")
    project.update(settings=Plan().as_settings())
    with Store.open(project.store_url, project.key) as store:
        for name in ("<script>alert(1)</script>", "\u202eevil", "=1+1"):
            store.add_class(name)
        store.open_round(0, strategy="tyrogue", parameters={}, seed=0, mode="cached", size=20, ratio=3)
        store.enqueue(0, [NewItem(row) for row in range(len(project.corpus))])
        engine = Engine(project, store)
        with TestClient(create_app(engine), base_url="http://127.0.0.1", headers=ASKS) as client:
            yield engine, client


def test_texts_come_out_as_they_went_in(odd: tuple[Engine, TestClient]) -> None:
    _, client = odd
    answer = client.post("/api/next", json={"n": 20})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    items = {item["external_id"]: item for item in answer.json()["items"]}
    for name, text in TEXTS.items():
        if name in items and name != "nul":
            assert items[name]["text"] == text[:LONGEST_TEXT], name
            assert items[name]["text_length"] == len(text)
    assert "after" in items["nul"]["text"], "no database holds NUL, and the rest of the text is there"
    assert len(items) == len(TEXTS)
    assert len(client.get(f"/api/rows/{items['large']['row']}").json()["text"]) == 2_000_000
    assert len(answer.content) < 1_000_000, "an item carries the beginning of its text only"


def test_hostile_texts_are_labeled_searched_and_exported(odd: tuple[Engine, TestClient]) -> None:
    _, client = odd
    for item in client.post("/api/next", json={"n": 20}).json()["items"]:
        body = {"token": f"token-{item['id']:05}", "item": item["id"], "action": "label", "class_id": 0}
        note = TEXTS["ansi"] + TEXTS["script"] + TEXTS["nul"]
        assert client.post("/api/annotations", json=body | {"note": note}).status_code == 201
    for kind in ("csv", "jsonl", "parquet"):
        answer = client.get(f"/api/export?format={kind}&safe=true")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
    csv_file = client.get("/api/export?format=csv&safe=true").text
    assert '"\'=HYPERLINK(""http://evil.example"")"' in csv_file
    assert client.get("/api/annotations").json()["annotations"][0]["text"]
    for words in ('"', "'; DROP", "a* OR b", "NEAR(", "\x00", "\u202e", "(" * 300, "*", "^", "{col}: x"):
        assert client.get("/api/search", params={"q": words}).status_code in (200, 422), words


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\x00b", "a\nb", "", "   ", "x" * 201, "\ud800"])
def test_names_that_cannot_be_are_refused(desk: Desk, name: str) -> None:
    body = json.dumps({"name": name})
    headers = {"Content-Type": "application/json"}
    for path in ("/api/classes", "/api/team/invitations"):
        answer = desk.client.post(path, content=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), path
    answer = desk.client.post("/api/next", content=json.dumps({"annotator": name}), headers=headers)
    assert answer.status_code == 422
    assert desk.client.get("/api/me").json()["login"] == "none", "nobody was invited"


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "ß" * 200, "\u202eevil", "שם", "a/b\\c", "../../etc", "%2e%2e"]
)
def test_odd_names_are_names(desk: Desk, name: str) -> None:
    known = desk.client.post("/api/classes", json={"name": name}).json()["classes"]
    assert known[-1]["name"] == name
    item = desk.client.post("/api/next", json={"n": 1, "annotator": name}).json()["items"][0]["id"]
    body = {"token": "token-0001", "item": item, "action": "label", "class_id": known[-1]["id"], "annotator": name}
    assert desk.client.post("/api/annotations", json=body).json()["annotator"] == name
    assert desk.client.get(f"/api/annotations?annotator={quote(name)}").json()["annotations"][0]["class_id"] == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"n": 1e999}', b'{"n": ' + b"9" * 5000 + b"}",
     b'{"n": 5, "n": 0}', b"[" * 100_000, b'{"annotator": {"$ne": null}}', b'{"n": NaN}'],
)  # fmt: skip
def test_bodies_that_are_none_are_problems(desk: Desk, body: bytes) -> None:
    answer = desk.client.post("/api/next", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), body[:30]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_of_another_site_is_no_request(desk: Desk, kind: str) -> None:
    """What a page of another site can send without asking: no header of ours, and no JSON."""
    simple = TestClient(desk.client.app, base_url="http://127.0.0.1")
    answer = simple.post("/api/next", content=b'{"n": 1}', headers={"Content-Type": kind})
    assert answer.status_code == 403
    assert desk.store.annotators() == []


@pytest.mark.parametrize("size", [1_000_001, 50_000_000])
def test_what_is_too_large_is_refused_before_it_is_read(desk: Desk, size: int) -> None:
    for method, path in (("POST", "/api/next"), ("PUT", "/api/guidelines"), ("POST", "/api/nothing"), ("POST", "/")):
        headers = {"Content-Length": str(size), "Content-Type": "application/json"}
        assert desk.client.request(method, path, content=b"{}", headers=headers).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e%2f%2e%2e%2fcli/say.py", "/static/..\\app.py",
        "/static//etc/passwd", "/static/%00", "/static/.", "/..%2f..%2fproject.json", "/api/../project.db",
        "/api/rows/..%2f..%2fproject.db", "/static/panels/../../app.py", "/%2e%2e/project.json",
    ],
)  # fmt: skip
def test_no_path_leads_anywhere_else(desk: Desk, path: str) -> None:
    answer = desk.client.get(path)
    assert answer.status_code in (404, 422), answer.text[:200]
    assert "import" not in answer.text
    assert b"SQLite" not in answer.content


@pytest.mark.parametrize("row", ["-1", "60", "1e3", "0x1", "99999999999999999999", "1;2", "١"])
def test_rows_of_nowhere(desk: Desk, row: str) -> None:
    assert desk.client.get(f"/api/rows/{quote(row)}").status_code in (200, 422)
    if row != "١":
        assert desk.client.get(f"/api/rows/{quote(row)}").status_code == 422


def test_the_policy_lets_nothing_inline_run(odd: tuple[Engine, TestClient]) -> None:
    _, client = odd
    policy = client.get("/").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'self'"
    assert {rules[name] for name in ("object-src", "base-uri", "frame-ancestors")} == {"'none'"}
    assert not [rule for rule in rules.values() if "unsafe" in rule or "*" in rule or "http" in rule]


def test_a_terminal_is_not_moved_by_what_it_shows() -> None:
    told = shown("a\x1b[31mb\x07\r\n\tc\u202ed\x9b2J\x7f e\u0301 עברית 🎉 \ud800")
    assert told == "a\\x1b[31mb\\x07\\r\n\tc\\u202ed\\x9b2J\\x7f e\u0301 עברית 🎉 \\ud800"


def test_what_status_prints_is_defused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tyrogue.cli.label import status

    (tmp_path / "texts.csv").write_text("text\none\ntwo\nthree\n")
    import_source(tmp_path / "texts.csv", tmp_path / "p.tyrogue")
    project = Project.open(tmp_path / "p.tyrogue")
    with Store.open(project.store_url, project.key) as store:
        store.add_class("\u202eevil")
        store.report("trainer", {"phase": "waiting", "message": "\x1b[2J", "progress": None, "error": None})
    status(tmp_path / "p.tyrogue")
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert "\\u202eevil: 0" in printed

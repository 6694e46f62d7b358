"""A labeling server in memory that speaks docs/api.md, for tests of the page: `python fake_server.py [--pairs] ...`.

It prints its URL. `POST /fake` sets what goes wrong (`latency` in seconds; `fail`: none, 503, drop, lose or refuse) and
answers with what was recorded, so that a test compares the page's claims with a second book-keeping.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fake_project import Problem, Project
from fake_review import Review

Json = dict[str, Any]
Answer = tuple[int, Json]

STATIC = Path(__file__).resolve().parents[2] / "src" / "tyrogue" / "labeling" / "static"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "Cache-Control": "no-store",
}


class Api:
    """The calls of docs/api.md: a method each, found by its route."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.routes: list[tuple[str, Callable[..., Answer]]] = [
            (r"POST /api/next", self.next),
            (r"POST /api/annotations", self.annotate),
            (r"POST /api/undo", self.undo),
            (r"GET /api/annotations", self.annotations),
            (r"GET /api/rows/(\d+)", self.row),
            (r"GET /api/search", self.search),
            (r"POST /api/items", self.push),
            (r"GET /api/items/(\d+)/why", lambda body, query, row: (200, project.why(row))),
            (r"GET /api/texts", lambda body, query: (200, {"texts": project.beginnings(query["rows"])})),
            (r"GET /api/map", lambda body, query: (200, project.map(query.get("known")))),
            (r"GET /api/map/marks", lambda body, query: (200, project.marks())),
            (r"GET /api/map/opinions", lambda body, query: (200, project.opinions())),
            (r"GET /api/map/picks", lambda body, query: (200, project.picks())),
            (r"POST /api/regions", self.region),
            (r"POST /api/regions/queue", lambda body, query: (201, project.queue_region(body))),
            (r"POST /api/regions/withdraw", self.withdraw),
            (r"GET /api/state", self.state),
            (r"PATCH /api/settings", self.settings),
            (r"PUT /api/guidelines", self.guidelines),
            (r"POST /api/autopilot", self.autopilot),
            (r"POST /api/classes", self.add_class),
            (r"PATCH /api/classes/(\d+)", self.rename_class),
            (r"POST /api/classes/(\d+)/merge", self.merge_class),
            (r"GET /api/judgement", (review := Review(project)).judgement),
            (r"POST /api/promotion", review.promote),
            (r"GET /api/review", review.labels),
            (r"GET /api/review/(\d+)", review.item),
            (r"POST /api/review/(\d+)", review.decide),
        ]

    def answer(self, route: str, query: dict[str, str], body: Json) -> Answer:
        for pattern, call in self.routes:
            if match := re.fullmatch(pattern, route):
                return call(body, query, *map(int, match.groups()))
        raise Problem(404, f"There is nothing at {route}.")

    def next(self, body: Json, query: dict[str, str]) -> Answer:
        preparing = self.project.fake["preparing"]
        rows = [] if preparing else self.project.open_rows()[: body["n"]]
        reason = None if rows else ("preparing" if preparing else "done")
        return 200, {"items": [self.project.item(row) for row in rows], "reason": reason}

    def annotate(self, body: Json, query: dict[str, str]) -> Answer:
        if self.project.fake["fail"] == "refuse":
            raise Problem(422, "This item is not on the queue any more.")
        answer: Answer = self.project.once(body["token"], lambda: self.project.annotate(body), 201)
        return answer

    def undo(self, body: Json, query: dict[str, str]) -> Answer:
        answer: Answer = self.project.once(body["token"], lambda: self.project.undo(body.get("expected")), 200)
        return answer

    def annotations(self, body: Json, query: dict[str, str]) -> Answer:
        limit, before = int(query.get("limit", 50)), int(query.get("before", 10**9))
        notes = [note for note in reversed(self.project.journal) if note["id"] < before]
        return 200, {"annotations": notes[:limit], "more": len(notes) > limit}

    def row(self, body: Json, query: dict[str, str], row: int) -> Answer:
        return 200, {**self.project.item(row), "text": self.project.texts[row]}

    def search(self, body: Json, query: dict[str, str]) -> Answer:
        texts, labels = self.project.texts, self.project.live()
        rows = [row for row, text in enumerate(texts) if query["q"].lower() in text.lower()]
        found = [{"row": row, "text": texts[row], "label": labels.get(row, {}).get("class_id")} for row in rows]
        return 200, {"rows": found[: int(query.get("limit", 20))], "total": len(found)}

    def push(self, body: Json, query: dict[str, str]) -> Answer:
        self.project.order.remove(body["row"])
        self.project.order.insert(0, body["row"])
        return 201, self.project.item(body["row"])

    def region(self, body: Json, query: dict[str, str]) -> Answer:
        answer: Answer = self.project.once(body["token"], lambda: self.project.label_region(body), 201)
        return answer

    def withdraw(self, body: Json, query: dict[str, str]) -> Answer:
        rows = [row for row in body["rows"] if row not in self.project.live()]
        self.project.order = sorted(self.project.order)
        return 200, {"rows": rows}

    def state(self, body: Json, query: dict[str, str]) -> Answer:
        if self.project.autopilot["on"] and (rows := self.project.open_rows()):
            self.project.annotate({"item": rows[0], "action": "label", "class_id": rows[0] % 4, "seconds": 0.0})
        return 200, self.project.state()

    def settings(self, body: Json, query: dict[str, str]) -> Answer:
        self.project.settings.update(body)
        return 200, self.project.settings

    def guidelines(self, body: Json, query: dict[str, str]) -> Answer:
        told = {"guidelines": body["text"], "guidelines_html": f"<p>{html.escape(body['text'])}</p>"}
        self.project.guidelines, self.project.guidelines_html = told.values()
        return 200, told

    def autopilot(self, body: Json, query: dict[str, str]) -> Answer:
        self.project.autopilot["on"] = body["on"]
        return 200, self.project.autopilot

    def check_name(self, name: str) -> None:
        if name in [one["name"] for one in self.project.active()]:
            raise Problem(409, f"There is a class '{name}' already. Choose another name.")

    def add_class(self, body: Json, query: dict[str, str]) -> Answer:
        self.check_name(body["name"])
        self.project.classes.append({"id": len(self.project.classes), "name": body["name"], "merged_into": None})
        return 201, {"classes": self.project.class_list()}

    def rename_class(self, body: Json, query: dict[str, str], class_id: int) -> Answer:
        self.check_name(body["name"])
        self.project.classes[class_id]["name"] = body["name"]
        return 200, {"classes": self.project.class_list()}

    def merge_class(self, body: Json, query: dict[str, str], class_id: int) -> Answer:
        self.project.classes[class_id]["merged_into"] = body["into"]
        return 200, {"classes": self.project.class_list()}


class Handler(BaseHTTPRequestHandler):
    """HTTP around it, with everything that can go wrong on the way."""

    protocol_version = "HTTP/1.1"
    api: Api

    def log_message(self, format: str, *args: Any) -> None:
        return

    def handle_any(self) -> None:
        split = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if split.path == "/fake":
            self.reply(200, self.control(body))
        elif split.path.startswith("/api/"):
            self.call(split.path, {name: values[0] for name, values in parse_qs(split.query).items()}, body)
        else:
            self.static(split.path, split.query)

    do_GET = do_POST = do_PATCH = do_PUT = handle_any

    def control(self, body: Json) -> Json:
        project = self.api.project
        project.fake.update(body)
        book = {"journal": project.journal, "tokens": project.seen_tokens, "settings": project.settings}
        return {**project.fake, **book, "classes": project.class_list()}

    def call(self, path: str, query: dict[str, str], body: Json) -> None:
        project = self.api.project
        time.sleep(project.fake["latency"])
        if project.fake["fail"] == "drop":  # the connection ends before any answer
            self.close_connection = True
            return
        try:
            self.admit()
            with project.lock:
                status, answer = self.api.answer(f"{self.command} {path}", query, body)
        except Problem as problem:
            status, answer = problem.status, {"title": "No", "detail": str(problem), "status": problem.status}
        if project.fake["fail"] == "lose":  # recorded, but the answer never arrives
            self.close_connection = True
        else:
            self.reply(status, answer)

    def admit(self) -> None:
        token = self.api.project.options.token
        if token and f"token={token}" not in self.headers.get("Cookie", ""):
            raise Problem(401, "Open the link that was printed.")
        if self.api.project.fake["fail"] == "503":
            raise Problem(503, "Try again.")
        if self.command != "GET" and self.headers.get("X-Tyrogue") != "1":
            raise Problem(403, "Send the header X-Tyrogue: 1.")

    def reply(self, status: int, answer: Json) -> None:
        kind = "application/json" if status < 400 else "application/problem+json"
        self.send(status, kind, json.dumps(answer).encode())

    def static(self, path: str, query: str) -> None:
        file = STATIC / ("index.html" if path == "/" else path.removeprefix("/static/"))
        if not file.is_file():
            return self.send(404, "text/plain", b"not found")
        cookie = {"Set-Cookie": f"token={parse_qs(query)['token'][0]}; Path=/"} if "token=" in query else {}
        return self.send(200, TYPES[file.suffix], file.read_bytes(), cookie)

    def send(self, status: int, kind: str, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        fixed = {"Content-Type": kind, "Content-Length": str(len(content)), **HEADERS}
        for name, value in {**fixed, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a browser that left before its answer came; anything else is a mistake to be seen."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def main() -> None:
    parser = argparse.ArgumentParser()
    for flag in ["--pairs", "--preparing", "--autopilot", "--demo", "--no-model", "--copies", "--clouds"]:
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--texts", type=int, default=64)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="")
    options = parser.parse_args()
    Handler.api = Api(Project(options))
    server = Server(("127.0.0.1", options.port), Handler)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()

"""A labeling server in memory that speaks docs/api.md, for tests of the page: `python fake_server.py [--pairs] ...`.

It prints its URL. `POST /fake` sets what goes wrong (`latency` in seconds, `fail`: none, 503, drop, lose or refuse) and `GET /fake`
gives what was recorded, so that a test compares the page's claims with a second book-keeping.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import parse_qs, urlsplit

STATIC = Path(__file__).resolve().parents[2] / "src" / "tyrogue" / "labeling" / "static"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
Json = dict[str, Any]

SUBJECTS = ["The central bank", "A small town in Norway", "The visiting side", "Researchers in Kyoto", "The ministry"]
VERBS = ["surprised everyone on Friday by", "is thinking aloud about", "has quietly finished", "denied all reports of"]
OBJECTS = [
    "a new kind of battery that charges in the cold.",
    "cutting its forecast for the year.",
    "the final in extra time.",
]
XSS = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> <b>not bold</b> & \"quoted\""
)
LONG = "\n\n".join(
    f"{n}. The report goes on, as reports do, with a paragraph about nothing in particular. " * 4 for n in range(90)
)
ODD = [
    XSS,
    "هذا نص عربي من اليمين إلى اليسار، وفيه كلمة English في الوسط.\nوسطر ثانٍ 123.",
    LONG,
    "First line\n    indented second line\n\nafter an empty line: 🎉 naïve café \u202eevil\u202c end",
    "x" * 400,
]


def make_texts(n: int) -> list[str]:
    plain = [f"{s} {v} {o}" for o in OBJECTS for v in VERBS for s in SUBJECTS]
    texts = [plain[0], plain[21], *ODD, *plain[1:21], *plain[22:]]
    return [f"{texts[i % len(texts)]}{'' if i < len(texts) else f' ({i})'}" for i in range(n)]


class Problem(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Project:
    """The book-keeping. One lock; correctness before speed."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        names = ["World", "Sports", "Business", "Sci/Tech"]
        names = [f"class {i:03d}" for i in range(options.classes)] if options.classes != 4 else names
        self.classes: list[Json] = [{"id": i, "name": name, "merged_into": None} for i, name in enumerate(names)]
        self.texts = make_texts(options.texts)
        self.order = list(range(len(self.texts)))
        self.journal: list[Json] = []
        self.answers: dict[str, tuple[int, Json]] = {}
        self.settings: Json = {"suggestions": True, "batch": 50, "ratio": 3}
        self.fake: Json = {"latency": 0.0, "fail": "none", "preparing": options.preparing, "trainer_error": None}
        self.autopilot = {"available": options.autopilot, "on": False}
        self.seen_tokens: list[str] = []
        self.started = time.monotonic()
        self.lock = RLock()

    def live(self) -> dict[int, Json]:
        return {note["item"]: note for note in self.journal if not note["undone"]}

    def open_rows(self) -> list[int]:
        decided = self.live()
        return [row for row in self.order if row not in decided]

    def model(self) -> Json | None:
        n = len(self.live()) // 10 * 10
        if self.options.no_model and not n:
            return None
        return {
            "version": f"m{n // 10 + 1}-ab12",
            "age_seconds": 12.0 + time.monotonic() - self.started,
            "labels": 40 + n,
        }

    def item(self, row: int) -> Json:
        text = self.texts[row]
        active = self.active()
        reference = row % 10 == 8
        first = [
            {"class_id": one["id"], "probability": p}
            for one, p in zip(active[row % 2 :], [0.62, 0.21, 0.12], strict=False)
        ]
        shown = bool(first) and not reference and self.settings["suggestions"] and self.model() is not None
        before = [note["class_id"] for note in self.journal if note["item"] == row and note["undone"]]
        return {
            "id": row, "row": row, "external_id": f"doc-{row}", "text": text[:20_000],
            "text_pair": f"Is it true that {text[:60]}?" if self.options.pairs else None,
            "text_length": len(text) + (len(f"Is it true that {text[:60]}?") if self.options.pairs else 0),
            "cut": len(text) > 2_000, "meta": {"source": "wire", "length": len(text)},
            "kind": "reference" if reference else "query", "round": len(self.live()) // 50, "position": row % 50,
            "suggestion": first[0] if shown else None, "probabilities": first if shown else None, "model": self.model(),
            "facts": {"step": "uncertain", "cluster": 12, "cluster_size": 214, "score": 0.69, "rank_before": 40},
            "copies": 3 if row == 1 else 0, "label": before[-1] if before else None,
            "reserved_until": (datetime.now(UTC) + timedelta(minutes=10)).isoformat(),
        }  # fmt: skip

    def active(self) -> list[Json]:
        return [one for one in self.classes if one["merged_into"] is None]

    def target(self, class_id: int | None) -> int | None:
        while class_id is not None and self.classes[class_id]["merged_into"] is not None:
            class_id = self.classes[class_id]["merged_into"]
        return class_id

    def once(self, token: str, act: Callable[[], Json], status: int) -> tuple[int, Json]:
        self.seen_tokens.append(token)
        if token in self.answers:
            return 200, self.answers[token][1]
        self.answers[token] = (status, act())
        return self.answers[token]

    def annotate(self, body: Json) -> Json:
        if body["action"] == "label" and self.target(body["class_id"]) is None:
            raise Problem(422, "There is no such class. Choose one of the list.")
        note = {
            "id": len(self.journal) + 1, "item": body["item"], "row": body["item"], "text": self.texts[body["item"]],
            "text_pair": None, "action": body["action"], "class_id": body["class_id"], "note": body.get("note"), "annotator": "me",
            "created": datetime.now(UTC).isoformat(), "undone": False, "seconds": body.get("seconds"),
        }  # fmt: skip
        self.journal.append(note)
        return {**note, "labeled": self.count("label")}

    def undo(self) -> Json:
        for note in reversed(self.journal):
            if not note["undone"]:
                note["undone"] = True
                return {"undone": note, "item": self.item(note["item"])}
        raise Problem(409, "There is no decision to take back.")

    def count(self, action: str) -> int:
        return sum(note["action"] == action for note in self.live().values())

    def class_list(self) -> list[Json]:
        labels = [self.target(note["class_id"]) for note in self.live().values() if note["action"] == "label"]
        position = {one["id"]: i for i, one in enumerate(self.active())}
        return [
            {
                **one,
                "position": position.get(one["id"], 999),
                "labeled": labels.count(one["id"]),
                "active": one["merged_into"] is None,
            }
            for one in self.classes
        ]

    def state(self) -> Json:
        labeled, decided = self.count("label"), len(self.live())
        points = [
            {"labels": n, "value": 0.82 - 0.5 / (1 + n / 40), "accuracy": 0.8} for n in range(10, 60 + labeled, 10)
        ]
        model = self.model()
        preparing = self.fake["preparing"]
        return {
            "project": "reviews", "project_id": "p-1", "total": 100_000, "labeled": labeled, "skipped": self.count("skip"),
            "flagged": self.count("flag"), "today": labeled, "classes": self.class_list(), "pair": self.options.pairs,
            "guidelines": "# What counts\n\n**World** is politics between states.\n\n- a match is *Sports*\n- <b>html</b> stays text\n\n"
            "See [the notes](https://example.org) or [bad](javascript:alert(1)).",
            "round": {"number": decided // 50, "size": 50, "answered": decided % 50, "strategy": "tyrogue", "ratio": 3},
            "queue": {"ready": 0 if preparing else len(self.open_rows())},
            "model": model and {**model, "kind": "linear", "train_seconds": 2.1},
            "trainer": {"alive": self.fake["trainer_error"] is None, "phase": "embedding" if preparing else "waiting",
                        "progress": 0.4 if preparing else None, "message": "Reading 100,000 texts" if preparing else "",
                        "error": self.fake["trainer_error"]},
            "pace_seconds": 3.1 if labeled else None,
            "curve": {"source": "none" if model is None else "cross-validated", "metric": "macro_f1", "points": points,
                      "note": "Queried labels are harder than average: expect better on ordinary texts."},
            "warnings": ["Class 'Sci/Tech' has 1 label: the model cannot learn it yet."] if labeled > 5 else [],
            "settings": self.settings, "autopilot": self.autopilot, "journal": len(self.journal),
        }  # fmt: skip

    def answer(self, method: str, path: str, query: dict[str, str], body: Json) -> tuple[int, Json]:
        route = f"{method} {path}"
        if route == "POST /api/next":
            rows = [] if self.fake["preparing"] else self.open_rows()[: body["n"]]
            reason = None if rows else ("preparing" if self.fake["preparing"] else "done")
            return 200, {"items": [self.item(row) for row in rows], "reason": reason}
        if route == "POST /api/annotations":
            if self.fake["fail"] == "refuse":
                raise Problem(422, "This item is not on the queue any more.")
            return self.once(body["token"], lambda: self.annotate(body), 201)
        if route == "POST /api/undo":
            return self.once(body["token"], self.undo, 200)
        if route == "GET /api/annotations":
            limit, before = int(query.get("limit", 50)), int(query.get("before", 10**9))
            notes = [note for note in reversed(self.journal) if note["id"] < before]
            return 200, {"annotations": notes[:limit], "more": len(notes) > limit}
        if match := re.fullmatch(r"GET /api/rows/(\d+)", route):
            item = self.item(int(match[1]))
            return 200, {**item, "text": self.texts[item["row"]]}
        if route == "GET /api/search":
            rows = [row for row, text in enumerate(self.texts) if query["q"].lower() in text.lower()]
            labels = self.live()
            found = [{"row": r, "text": self.texts[r], "label": labels.get(r, {}).get("class_id")} for r in rows]
            return 200, {"rows": found[: int(query.get("limit", 20))], "total": len(found)}
        if route == "POST /api/items":
            self.order.remove(body["row"])
            self.order.insert(0, body["row"])
            return 201, {"item": body["row"]}
        if route == "GET /api/state":
            if self.autopilot["on"] and (rows := self.open_rows()):
                self.annotate({"item": rows[0], "action": "label", "class_id": rows[0] % 4, "seconds": 0.0})
            return 200, self.state()
        if route == "PATCH /api/settings":
            self.settings = {**self.settings, **body}
            return 200, self.settings
        if route == "POST /api/autopilot":
            self.autopilot["on"] = body["on"]
            return 200, self.autopilot
        return self.answer_classes(route, body)

    def answer_classes(self, route: str, body: Json) -> tuple[int, Json]:
        if "name" in body and body["name"] in [one["name"] for one in self.active()]:
            raise Problem(409, f"There is a class '{body['name']}' already. Choose another name.")
        if route == "POST /api/classes":
            self.classes.append({"id": len(self.classes), "name": body["name"], "merged_into": None})
        elif match := re.fullmatch(r"PATCH /api/classes/(\d+)", route):
            self.classes[int(match[1])]["name"] = body["name"]
        elif match := re.fullmatch(r"POST /api/classes/(\d+)/merge", route):
            self.classes[int(match[1])]["merged_into"] = body["into"]
        else:
            raise Problem(404, f"There is nothing at {route}.")
        return 200, {"classes": self.class_list()}


def handler(project: Project) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            return

        def handle_any(self) -> None:
            split = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            if split.path == "/fake":
                project.fake.update(body)
                self.reply(200, {**project.fake, "journal": project.journal, "tokens": project.seen_tokens,
                                 "classes": project.class_list(), "settings": project.settings})  # fmt: skip
            elif split.path.startswith("/api/"):
                self.api(split.path, {k: v[0] for k, v in parse_qs(split.query).items()}, body)
            else:
                self.static(split.path, split.query)

        do_GET = do_POST = do_PATCH = handle_any

        def api(self, path: str, query: dict[str, str], body: Json) -> None:
            time.sleep(project.fake["latency"])
            fail = project.fake["fail"]
            token = project.options.token
            if fail == "drop":  # the connection ends before any answer
                self.close_connection = True
            elif token and f"token={token}" not in self.headers.get("Cookie", ""):
                self.reply(401, {"title": "No token", "detail": "Open the link that was printed.", "status": 401})
            elif fail == "503":
                self.reply(503, {"title": "Busy", "detail": "Try again.", "status": 503})
            elif self.command != "GET" and self.headers.get("X-Tyrogue") != "1":
                self.reply(403, {"title": "Forbidden", "detail": "Send the header X-Tyrogue: 1.", "status": 403})
            else:
                try:
                    with project.lock:
                        status, answer = project.answer(self.command, path, query, body)
                except Problem as problem:
                    status, answer = problem.status, {"title": "No", "detail": str(problem), "status": problem.status}
                if fail == "lose":  # recorded, but the answer never arrives
                    self.close_connection = True
                else:
                    self.reply(status, answer)

        def reply(self, status: int, answer: Json) -> None:
            self.send(
                status, "application/json" if status < 400 else "application/problem+json", json.dumps(answer).encode()
            )

        def static(self, path: str, query: str) -> None:
            file = STATIC / ("index.html" if path == "/" else path.removeprefix("/static/"))
            if not file.is_file():
                return self.send(404, "text/plain", b"not found")
            cookie = {"Set-Cookie": f"token={parse_qs(query)['token'][0]}; Path=/"} if "token=" in query else {}
            return self.send(200, TYPES[file.suffix], file.read_bytes(), cookie)

        def send(self, status: int, kind: str, content: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            policy = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
            fixed = {
                "Content-Type": kind,
                "Content-Length": str(len(content)),
                "Content-Security-Policy": policy,
                "Cache-Control": "no-store",
            }
            for name, value in {**fixed, **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser()
    for flag in ["--pairs", "--preparing", "--autopilot", "--no-model"]:
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--classes", type=int, default=4)
    parser.add_argument("--texts", type=int, default=64)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="")
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), handler(Project(parser.parse_args())))
    server.daemon_threads = True
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()

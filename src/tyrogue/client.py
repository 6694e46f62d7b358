"""A client of a running labeling app, for programs: the calls of docs/api.md as methods.

    from tyrogue.client import Client

    with Client("http://127.0.0.1:8000") as desk:
        for item in desk.next(5):
            desk.submit(item["id"], my_rule(item["text"]))

Every decision carries a token, so that a request whose answer was lost is sent again and still records once. A client
keeps one connection and belongs to one thread.
"""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlencode, urlsplit

from tyrogue.errors import TyrogueError, UsageError

Json = dict[str, Any]
Format = Literal["csv", "jsonl", "parquet"]
PAUSES = (0.2, 1.0, 3.0)
"""Seconds before a request is sent again that got no answer, or was told that it is not the time."""


class Refused(TyrogueError):
    """The server refused a request; the message is its own.

    Attributes:
        status: of HTTP.
        title: what kind of refusal.
    """

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail or title)
        self.status, self.title = status, title


class Client:
    """A labeling app over HTTP.

    Args:
        url: where it is served, as it was printed; a `?token=` in it is used.
        token: of an account (`POST /api/me/tokens`, `tyrogue invite --token`) or the server's own.
        annotator: in whose name it labels, where nobody has to log in.
        timeout: seconds to wait for an answer.
    """

    def __init__(self, url: str, *, token: str | None = None, annotator: str = "me", timeout: float = 30.0) -> None:
        split = urlsplit(url)
        if split.scheme not in ("http", "https") or not split.hostname:
            raise UsageError(f"{url!r} is no address of a labeling app. It looks like http://127.0.0.1:8000")
        given = [
            value for name, _, value in (pair.partition("=") for pair in split.query.split("&")) if name == "token"
        ]
        self.annotator, self._token = annotator, token or (given[0] if given else None)
        kind = http.client.HTTPSConnection if split.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(split.hostname, split.port, timeout=timeout)
        self._prefix = split.path.rstrip("/")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    # Labeling

    def next(self, n: int = 5) -> list[Json]:
        """Gives up to n items, reserved for this annotator; the same ones first when asked again."""
        items: list[Json] = self.call("POST", "/api/next", {"n": n, "annotator": self.annotator})["items"]
        return items

    def wait(self, n: int = 5, *, seconds: float = 60.0) -> list[Json]:
        """Gives the next items as soon as there are any; an empty list when every text is done, or it took too long."""
        until = time.monotonic() + seconds
        while True:
            answer = self.call("POST", "/api/next", {"n": n, "annotator": self.annotator})
            if answer["items"] or answer["reason"] == "done" or time.monotonic() > until:
                found: list[Json] = answer["items"]
                return found
            time.sleep(0.1)

    def submit(
        self,
        item: int,
        class_id: int,
        *,
        seconds: float | None = None,
        note: str | None = None,
        token: str | None = None,
    ) -> Json:
        """Labels an item; gives the record, which is on disk."""
        return self._decide(item, "label", token, class_id=class_id, seconds=seconds, note=note)

    def skip(self, item: int, *, token: str | None = None) -> Json:
        """Skips an item: it is not asked about again."""
        return self._decide(item, "skip", token)

    def flag(self, item: int, note: str | None = None, *, token: str | None = None) -> Json:
        """Flags an item for review."""
        return self._decide(item, "flag", token, note=note)

    def undo(self, *, token: str | None = None, expected: str | None = None) -> Json | None:
        """Takes this annotator's last decision back; gives it and its item, or None when there is none.

        Args:
            token: sent again, it undoes once.
            expected: the token of the decision that has to be the last one.

        Raises:
            Refused: the last decision is another than the one expected.
        """
        body = {"token": token or _new_token(), "annotator": self.annotator, "expected": expected}
        try:
            return self.call("POST", "/api/undo", body)
        except Refused as refused:
            if refused.status == 409 and expected is None:
                return None
            raise

    # Looking

    def state(self) -> Json:
        """Gives where the project stands: counts, classes, model, trainer, pace, curve."""
        return self.call("GET", "/api/state?" + urlencode({"annotator": self.annotator}))

    def classes(self) -> dict[str, int]:
        """Gives the number of each active class, by name."""
        return {one["name"]: one["id"] for one in self.call("GET", "/api/classes")["classes"] if one["active"]}

    def row(self, row: int) -> Json:
        """Gives one text whole."""
        return self.call("GET", f"/api/rows/{row}")

    def search(self, words: str, limit: int = 20) -> list[Json]:
        """Gives texts that hold all these words."""
        rows: list[Json] = self.call("GET", "/api/search?" + urlencode({"q": words, "limit": limit}))["rows"]
        return rows

    def push(self, row: int) -> Json:
        """Puts a text first in the queue; gives its item."""
        return self.call("POST", "/api/items", {"row": row, "annotator": self.annotator})

    def annotations(self) -> Iterator[Json]:
        """Gives every decision, newest first, those that were taken back included."""
        before: dict[str, int] = {}
        while True:
            page = self.call("GET", "/api/annotations?" + urlencode({"limit": 500, **before}))
            yield from page["annotations"]
            if not page["more"]:
                return
            before = {"before": page["annotations"][-1]["id"]}

    def agreement(self) -> Json:
        """Gives how far annotators agree: alpha, by class, by pair."""
        return self.call("GET", "/api/agreement")

    def export(self, format: Format = "csv", *, safe: bool = False) -> bytes:
        """Gives the labels as a file; `safe` defuses spreadsheet formulas."""
        _, content = self._send("GET", "/api/export?" + urlencode({"format": format, "safe": str(safe).lower()}), None)
        return content

    # HTTP

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Gives the answer to any call of docs/api.md.

        Raises:
            Refused: the server says no.
            TyrogueError: it does not answer.
        """
        _, content = self._send(method, path, None if body is None else json.dumps(body).encode())
        answer: Json = json.loads(content)
        return answer

    def _decide(self, item: int, action: str, token: str | None, **more: Any) -> Json:
        body = {"token": token or _new_token(), "item": item, "action": action, "annotator": self.annotator}
        return self.call(
            "POST", "/api/annotations", body | {name: value for name, value in more.items() if value is not None}
        )

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Sends a request, again when it got no answer: reading changes nothing, and what changes carries a token."""
        again = method == "GET" or (body is not None and b'"token"' in body) or path == "/api/next"
        for pause in (*(PAUSES if again else ()), None):
            try:
                status, title, content = self._once(method, path, body)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if pause is None:
                    raise TyrogueError(f"{self._connection.host} does not answer ({error}). Is it running?") from error
            else:
                if status < 400:
                    return status, content
                if pause is None or status not in (502, 503, 504):
                    raise Refused(status, title, _detail(content))
            time.sleep(pause)
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[int, str, bytes]:
        headers = {"X-Tyrogue": "1", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        self._connection.request(method, self._prefix + path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.reason, answer.read()


def _new_token() -> str:
    return secrets.token_hex(16)


def _detail(content: bytes) -> str:
    try:
        return str(json.loads(content)["detail"])
    except (ValueError, KeyError, TypeError):
        return ""

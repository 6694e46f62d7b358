"""tyrogue.client against the real application over a real socket."""

from __future__ import annotations

import csv
import io
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from desk import Desk

from running import running
from tyrogue.client import Client, Refused
from tyrogue.errors import TyrogueError, UsageError


@pytest.fixture
def served(desk: Desk) -> Iterator[str]:
    with running(desk.client.app) as url:
        yield url.rstrip("/")


def test_a_session_by_program(desk: Desk, served: str) -> None:
    with Client(served, annotator="robot") as client:
        classes = client.classes()
        first, second, third = client.next(3)
        assert client.submit(first["id"], classes["cats"], seconds=1.5, note="sure")["labeled"] == 1
        client.skip(second["id"])
        client.flag(third["id"], "odd")
        assert [one["action"] for one in client.annotations()] == ["flag", "skip", "label"]
        undone = client.undo()
        assert undone is not None
        assert undone["item"]["id"] == third["id"]
        state = client.state()
        assert (state["labeled"], state["skipped"], state["flagged"]) == (1, 1, 0)
        assert client.row(first["row"])["label"] == classes["cats"]
        assert client.push(client.search("number 41 cats")[0]["row"])["row"] == 41
        assert client.wait(1)[0]["row"] == 41
        (row,) = csv.DictReader(io.StringIO(client.export("csv").decode()))
        assert (row["label"], row["annotator"], row["note"]) == ("cats", "robot", "sure")
        assert client.agreement()["texts"] == 0
        client.undo()
        client.undo()
        assert client.undo() is None, "nothing is left to undo"


def test_a_refusal_says_what_the_server_said(served: str) -> None:
    with Client(served) as client, pytest.raises(Refused, match="no queue item 12345") as refused:
        client.submit(12345, 0)
    assert refused.value.status == 422


def test_a_token_in_the_address_is_used(desk: Desk, served: str) -> None:
    desk.store.annotator("Ada")
    secret, _ = desk.store.issue("Ada", "token", seconds=60)
    with Client(f"{served}/?token={secret}") as client:
        assert client.state()["me"]["name"] == "Ada"
    with Client(served) as client, pytest.raises(Refused, match="Log in first"):
        client.state()


@pytest.mark.parametrize("url", ["ftp://host", "127.0.0.1:8000", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        Client(url)


class Losing:
    """A proxy in front of the server that loses the first answers: the request arrived."""

    def __init__(self, upstream: str, losses: int) -> None:
        self.port, self.losses = int(upstream.rsplit(":", 1)[1]), losses
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.seen = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, socket.create_connection(("127.0.0.1", self.port)) as upstream:
                self.seen += 1
                request = connection.recv(65_536)
                while b"\r\n\r\n" not in request or not self.whole(request):
                    request += connection.recv(65_536)
                upstream.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
                answer = b"".join(iter(lambda: upstream.recv(65_536), b""))
                if self.seen > self.losses:
                    connection.sendall(answer)

    @staticmethod
    def whole(request: bytes) -> bool:
        head, _, body = request.partition(b"\r\n\r\n")
        lengths = [
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        ]
        return len(body) >= (lengths[0] if lengths else 0)


def test_a_lost_answer_is_asked_for_again_and_records_once(
    desk: Desk, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tyrogue.client.PAUSES", (0.01, 0.01, 0.01))
    item = desk.store.reserve("me", 1)[0].id
    proxy = Losing(served, losses=2)
    with Client(proxy.url) as client:
        assert client.submit(item, 1)["labeled"] == 1
    proxy.socket.close()
    assert proxy.seen == 3
    assert len(desk.store.annotations()) == 1


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tyrogue.client.PAUSES", (0.01,))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    calls: list[Callable[[Client], object]] = [Client.state, Client.next]
    for call in calls:
        with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(TyrogueError, match="does not answer"):
            call(client)

"""A browser, and desks to sit at: a page opened on a server of its own, whose book-keeping the test can read."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


class Desk:
    """One server and one page on it. Any error the page writes to its console fails the test at the end."""

    def __init__(self, browser: Any, options: tuple[str, ...], context: dict[str, Any]) -> None:
        command = [sys.executable, str(HERE / "fake_server.py"), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        size = {"width": 1280, "height": 800}
        self.context = browser.new_context(**{"viewport": size, "reduced_motion": "reduce", **context})
        self.context.set_default_timeout(8_000)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self.listen)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def listen(self, message: Any) -> None:
        # A request that fails on purpose is the browser's complaint, not the page's.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def fake(self, **changes: Any) -> dict[str, Any]:
        """Sets what goes wrong on the server; gives its book-keeping."""
        body = json.dumps(changes).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/fake", body)) as answer:
            return dict(json.load(answer))

    def open(self, path: str = "/", ready: str = "#reading .text") -> Desk:
        self.page.goto(self.url + path)
        self.page.wait_for_selector(ready)
        return self

    def press(self, *keys: str) -> Desk:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def text(self) -> str:
        return str(self.page.locator("#reading").text_content())

    def until(self, expression: str, argument: Any = None) -> None:
        """Waits until a JavaScript expression holds. The page's policy forbids what wait_for_function does."""
        end = time.monotonic() + 8
        while not self.page.evaluate(expression, argument):
            assert time.monotonic() < end, f"never: {expression}"
            self.page.wait_for_timeout(40)

    def status(self, words: str) -> None:
        self.until("words => document.getElementById('status').textContent.includes(words)", words)

    def saved(self) -> list[dict[str, Any]]:
        """Waits until the page says that all is saved; gives what the server has, without what was taken back."""
        self.status("all saved")
        return [note for note in self.fake()["journal"] if not note["undone"]]

    def close(self) -> None:
        self.context.close()
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def desk(chromium: Any) -> Iterator[Any]:
    """Gives a maker of desks: `desk("--pairs", viewport=...)`."""
    made: list[Desk] = []

    def make(*options: str, **context: Any) -> Desk:
        made.append(Desk(chromium, options, context))
        return made[-1]

    yield make
    for one in made:
        one.close()
    for one in made:
        assert not one.complaints, one.complaints
        assert all(url.startswith(one.url) for url in one.requests), "the page asked another address"

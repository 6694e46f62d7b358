"""Runs `tyrogue` as a user would: a process of its own, killed without warning when a test says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psutil

PATIENCE = 120.0


def tyrogue(*arguments: str | Path, cwd: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "tyrogue", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=600,
        env=environment(),
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"tyrogue {' '.join(map(str, arguments))} ended with {done.returncode}:\n{done.stderr}")
    return done


def environment() -> dict[str, str]:
    return os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}


class App:
    """A running labeling app."""

    def __init__(self, *arguments: str | Path, log: Path) -> None:
        self.arguments, self.log = [*map(str, arguments), "--no-browser", "--port", "0"], log
        self.url = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tyrogue", *self.arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(),
            )
        if self.process.stdout is None:
            raise AssertionError("no stdout")
        self.url = self.process.stdout.readline().strip()
        if not self.url.startswith("http"):
            raise AssertionError(f"the first line was {self.url!r}; stderr:\n{self.log.read_text()}")
        return self

    def kill_everything(self) -> None:
        """kill -9 of server and trainer, at once."""
        if self.process is None:
            return
        family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        for process in family:
            process.send_signal(signal.SIGKILL)
        psutil.wait_procs(family, timeout=10)
        self._reap()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self._reap()

    def _reap(self) -> None:
        if self.process is not None:
            self.process.wait(20)
            if self.process.stdout is not None:
                self.process.stdout.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill_everything()

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Calls the API; raises on any error answer."""
        request = urllib.request.Request(
            self.url.split("?")[0] + path.lstrip("/"),
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "X-Tyrogue": "1"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def state(self) -> dict[str, Any]:
        return self.call("GET", "/api/state")

    def wait_for(
        self, true_of: Callable[[dict[str, Any]], bool], what: str, seconds: float = PATIENCE
    ) -> dict[str, Any]:
        """Polls the state until it is as wanted."""
        until = time.monotonic() + seconds
        while not true_of(state := self.state()):
            if time.monotonic() > until:
                raise AssertionError(f"{what}: not in {seconds} s. {state}\n{self.log.read_text()[-3000:]}")
            time.sleep(0.2)
        return state

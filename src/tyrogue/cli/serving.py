"""The server of one project: who owns it, where it listens, when it is ready."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
import time
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from tyrogue.cli.say import remark
from tyrogue.corpus.locking import Lock
from tyrogue.corpus.project import Project, is_project
from tyrogue.errors import UsageError
from tyrogue.labeling.security import token_for
from tyrogue.labeling.supervisor import Supervisor
from tyrogue.store import Store


class Owner:
    """Holds a project directory for this process, with a trainer that is being started.

    Attributes:
        supervisor: of the trainer; it needs seconds for its imports, in which a file can be read.
    """

    def __init__(self, place: Path, stack: contextlib.ExitStack) -> None:
        self.place, self._stack = place, stack
        self._lock: Lock | None = None
        if is_project(place):
            self.lock()
        self.supervisor = Supervisor(place)

    def lock(self) -> Lock:
        """Gives the project's lock, taken when there is a project."""
        if self._lock is None:
            self._lock = self._stack.enter_context(Project.open(self.place).lock())
        return self._lock


@contextlib.contextmanager
def session(place: Path) -> Iterator[Owner]:
    """Owns a project directory; one that is there already is locked at once, before anything in it changes.

    A directory that did not exist goes again when nothing came of it.
    """
    fresh = not place.exists()
    with contextlib.ExitStack() as stack:
        owner = Owner(place, stack)
        owner.supervisor.start()
        try:
            yield owner
        finally:
            owner.supervisor.stop()
            if fresh and not is_project(place):
                shutil.rmtree(place, ignore_errors=True)


def serve(
    project: Path,
    owner: Owner,
    *,
    address: tuple[str, int],
    token: str | None,
    browser: bool,
    names: Sequence[str] = (),
) -> None:
    """Serves the app until Ctrl-C; prints its address on stdout when it is ready."""
    import uvicorn

    from tyrogue.labeling.app import create_app
    from tyrogue.labeling.engine import Engine

    opened, (host, port) = Project.open(project), address
    with Store.open(opened.store_url, opened.key) as store:
        token = token_for(host, token, team=store.has_team() or bool(names))
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}/" + (f"?token={token}" if token else "")
        owner.lock().announce(url)
        app = create_app(Engine(opened, store), host=host, token=token, names=names)
        owner.supervisor.tell(store)
        config = uvicorn.Config(
            app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=2
        )
        server = uvicorn.Server(config)
        with _announced(server, url, browser=browser):
            server.run()
    if not server.started:
        raise UsageError(f"The server could not start on {host}:{port}.")


@contextlib.contextmanager
def _announced(server: Any, url: str, *, browser: bool) -> Iterator[None]:
    def announce() -> None:
        while not server.started:
            if server.should_exit:
                return
            time.sleep(0.02)
        typer.echo(url)
        remark("Ctrl-C stops; everything acknowledged is saved.")
        if browser:
            webbrowser.open(url)

    threading.Thread(target=announce, daemon=True).start()
    yield


def free_address(host: str, port: int) -> tuple[str, int]:
    """Gives the address when it is free.

    Raises:
        UsageError: something else listens there.
    """
    if port == 0:
        return host, _free_port(host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"{host}:{port} cannot be used ({error.strerror or error}). "
                f"Choose another port: --port {port + 1}, or 0 for a free one."
            ) from error
    return host, port


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])

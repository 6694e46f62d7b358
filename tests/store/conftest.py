"""Stores to test with: SQLite in a file, and PostgreSQL on a server that lives as long as the tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tyrogue.store import NewItem, Store
from tyrogue.testing.stores import Bench, Clock


def _server() -> Path:
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found is None and not versions:
        missing = "PostgreSQL's server is not installed (Debian: apt-get install postgresql)"
        if os.environ.get("TYROGUE_STRICT") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    return Path(found).parent if found else versions[-1].parent


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an empty database on a server of its own."""
    bin, folder = _server(), Path(tempfile.mkdtemp(prefix="tyrogue-postgres-"))
    root = os.geteuid() == 0
    if root:  # the server refuses to run as root
        shutil.chown(folder, "postgres")

    def run(*command: str) -> None:
        # No pipes: the server would keep them open.
        prefix = ["runuser", "-u", "postgres", "--"] if root else []
        log = folder / "commands.log"
        with log.open("a") as out:
            done = subprocess.run([*prefix, *command], cwd=folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        if done.returncode:
            pytest.fail(f"{command[0]} failed: {log.read_text()}")

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run(str(bin / "initdb"), "-D", f"{folder}/data", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off -c max_connections=200"
    run(str(bin / "pg_ctl"), "-D", f"{folder}/data", "-w", "-l", f"{folder}/server.log", "-o", options, "start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        run(str(bin / "pg_ctl"), "-D", f"{folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database; the PostgreSQL one is shared by all tests, each in a project of its own."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'project.db'}"
    return str(request.getfixturevalue("postgres"))


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where there is one: for tests of many small transactions that are not about the disk."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="tyrogue-", dir=shared if shared.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bench(url: str) -> Bench:
    clock, project = Clock(), uuid.uuid4().hex
    return Bench(open=lambda: Store.open(url, project, clock=clock), new_item=NewItem, clock=clock)


@pytest.fixture
def store(url: str, clock: Clock) -> Iterator[Store]:
    with Store.open(url, uuid.uuid4().hex, clock=clock) as store:
        yield store

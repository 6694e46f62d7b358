"""`label`, `open`, `demo`, `import`, `status`: the labeling app and the projects it works on."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import uuid
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tyrogue.cli import options
from tyrogue.cli.say import give_json, progress, remark
from tyrogue.corpus.importing import ImportReport, import_source
from tyrogue.corpus.project import Project, is_project, project_path_for
from tyrogue.errors import UsageError
from tyrogue.labeling.plan import Plan
from tyrogue.labeling.security import token_for
from tyrogue.labeling.supervisor import Supervisor
from tyrogue.store import Store

DEMO = Path("demo.tyrogue")
GIVEN_AT_ONCE = 20_000


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("label")(label)
    app.command("open")(open_)
    app.command("demo")(demo)
    app.command("import")(import_)
    app.command("status")(status)


def label(
    source: options.Source,
    labels: options.Labels = None,
    test: options.Test = None,
    project: options.ProjectDir = None,
    text: options.TextColumn = None,
    text_pair: options.PairColumn = None,
    label_column: options.LabelColumn = None,
    id_column: options.IdColumn = None,
    encoding: options.Encoding = None,
    model: options.Model = "transformer",
    recipe: options.Recipe = "product",
    strategy: options.Strategy = "tyrogue",
    ratio: options.Ratio = 3,
    set_: options.Set = None,
    mode: options.ModeName = "cached",
    batch: options.Batch = 50,
    audit: options.Audit = 0.1,
    guidelines: Annotated[Path | None, typer.Option(help="A Markdown file shown beside the text.")] = None,
    seed: options.Seed = 0,
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    token: options.Token = None,
    browser: options.Browser = True,
) -> None:
    """Label a file of texts in the browser; a project directory appears beside the file."""
    place = project or (Path(source) if is_project(Path(source)) else project_path_for(Path(source)))
    plan = options.plan(
        model=model,
        recipe=recipe,
        strategy=strategy,
        ratio=ratio,
        settings=set_,
        mode=mode,
        batch=batch,
        audit=audit,
        seed=seed,
    )
    address = _address(host, port)
    supervisor = Supervisor(place)
    supervisor.start()  # it needs seconds for its imports: meanwhile the file is read
    try:
        if not is_project(Path(source)):
            columns = {"text": text, "text_pair": text_pair, "label": label_column, "id": id_column}
            _import(source, place, plan, columns=columns, encoding=encoding, classes=_names(labels))
        if test is not None:
            _import(
                str(test), place / "test", plan, columns={"text": text, "text_pair": text_pair, "label": label_column}
            )
        _prepare(place, _names(labels), guidelines)
        serve(place, supervisor, address=address, token=token_for(host, token), browser=browser)
    finally:
        supervisor.stop()


def open_(
    project: Annotated[Path, typer.Argument(help="A project directory (reviews.tyrogue).")],
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    token: options.Token = None,
    browser: options.Browser = True,
) -> None:
    """Go on labeling a project where it was left."""
    Project.open(project)
    address = _address(host, port)
    supervisor = Supervisor(project)
    supervisor.start()
    try:
        serve(project, supervisor, address=address, token=token_for(host, token), browser=browser)
    finally:
        supervisor.stop()


def demo(
    project: Annotated[Path, typer.Option(help="Where the demo project is kept.")] = DEMO,
    autopilot: Annotated[bool, typer.Option(help="Let the gold labels answer from the start.")] = False,
    model: options.Model = "transformer",
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    token: options.Token = None,
    browser: options.Browser = True,
) -> None:
    """Try it on a real corpus that is already here: the docstrings of the installed Python libraries."""
    address = _address(host, port)
    supervisor = Supervisor(project)
    supervisor.start()
    try:
        if not is_project(project):
            from tyrogue.corpus.demo import create_demo

            remark("Reading the docstrings of the installed libraries...")
            create_demo(project, settings=options.plan(model=model).as_settings())
            _prepare(project, None, None)
        opened = Project.open(project)
        with Store.open(opened.store_url, opened.key) as store:
            store.set("autopilot", {"on": autopilot, "seconds": 0.3})
        serve(project, supervisor, address=address, token=token_for(host, token), browser=browser)
    finally:
        supervisor.stop()


def import_(
    source: options.Source,
    project: options.ProjectDir = None,
    labels: options.Labels = None,
    text: options.TextColumn = None,
    text_pair: options.PairColumn = None,
    label_column: options.LabelColumn = None,
    id_column: options.IdColumn = None,
    encoding: options.Encoding = None,
    model: options.Model = "transformer",
    recipe: options.Recipe = "product",
    strategy: options.Strategy = "tyrogue",
    ratio: options.Ratio = 3,
    set_: options.Set = None,
    mode: options.ModeName = "cached",
    batch: options.Batch = 50,
    audit: options.Audit = 0.1,
    seed: options.Seed = 0,
    json_: options.Json = False,
) -> None:
    """Read texts into a project directory without opening the app; again, to append new ones."""
    place = project or project_path_for(Path(source))
    columns = {"text": text, "text_pair": text_pair, "label": label_column, "id": id_column}
    plan = options.plan(
        model=model,
        recipe=recipe,
        strategy=strategy,
        ratio=ratio,
        settings=set_,
        mode=mode,
        batch=batch,
        audit=audit,
        seed=seed,
    )
    report = _import(source, place, plan, columns=columns, encoding=encoding, classes=_names(labels))
    _prepare(place, _names(labels), None)
    if json_:
        give_json({"project": str(place), "rows_new": report.rows_new, "rows_total": report.rows_total})
    else:
        typer.echo(str(place))


def status(project: Annotated[Path, typer.Argument(help="A project directory.")], json_: options.Json = False) -> None:
    """Say where a project stands."""
    from tyrogue.labeling.engine import Engine

    opened = Project.open(project)
    with Store.open(opened.store_url, opened.key) as store:
        state = Engine(opened, store).state()
    if json_:
        give_json(state)
        return
    model, trainer = state["model"], state["trainer"]
    typer.echo(f"{state['project']}: {state['labeled']} of {state['total']} texts labeled, {state['skipped']} skipped")
    for c in state["classes"]:
        if c["active"]:
            typer.echo(f"  {c['name']}: {c['labeled']}")
    typer.echo(f"model: {'none yet' if model is None else '{version} ({kind}, {labels} labels)'.format(**model)}")
    typer.echo(
        f"trainer: {trainer['phase'] if trainer['alive'] else 'not running'} {trainer['message'] or ''}".rstrip()
    )
    typer.echo(f"ready to label: {state['queue']['ready']}")


def serve(project: Path, supervisor: Supervisor, *, address: tuple[str, int], token: str | None, browser: bool) -> None:
    """Serves the app until Ctrl-C; prints its address on stdout when it is ready."""
    import uvicorn

    from tyrogue.labeling.app import create_app
    from tyrogue.labeling.engine import Engine

    opened, (host, port) = Project.open(project), address
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/" + (f"?token={token}" if token else "")
    with opened.lock(url=url), Store.open(opened.store_url, opened.key) as store:
        app = create_app(Engine(opened, store), host=host, token=token)
        supervisor.tell(store)
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


def _import(
    source: str,
    place: Path,
    plan: Plan,
    *,
    columns: dict[str, str | None],
    encoding: str | None = None,
    classes: list[str] | None = None,
) -> ImportReport:
    with progress(f"Reading {source}") as show:
        report = import_source(
            source,
            place,
            text=columns.get("text"),
            text_pair=columns.get("text_pair"),
            label=columns.get("label"),
            id=columns.get("id"),
            encoding=encoding,
            classes=classes,
            progress=show,
            index_search=False,
        )
    if not Project.open(place).settings:
        Project.open(place).update(settings=plan.as_settings(), seed=plan.seed)
    remark(_told(report))
    for warning in report.warnings:
        remark(f"Note: {warning}")
    return report


def _told(report: ImportReport) -> str:
    parts = [f"{report.rows_new} new texts, {report.rows_total} in all"]
    if report.duplicates:
        parts.append(f"{report.duplicates} exact copies")
    if report.empty_skipped:
        parts.append(f"{report.empty_skipped} empty ones left out")
    if report.with_gold:
        parts.append(f"{report.with_gold} with a label")
    return ", ".join(parts) + f" ({report.seconds:.1f} s)"


def _prepare(place: Path, names: list[str] | None, guidelines: Path | None) -> None:
    """Gives the project its classes and opens it to the trainer."""
    project = Project.open(place)
    with Store.open(project.store_url, project.key) as store:
        known = {c.name for c in store.classes()}
        for name in names or ([] if known else project.corpus.gold_names()):
            if name not in known:
                store.add_class(name)
        _take_given_labels(project, store)
        if guidelines is not None:
            store.set("guidelines", guidelines.read_text(encoding="utf-8"))
    (place / "ready").touch()


def _take_given_labels(project: Project, store: Store) -> None:
    """Labels that came with some of the texts count as given; those that came with every text are gold."""
    corpus = project.corpus
    if not 0 < sum(corpus.gold_counts().values()) < len(corpus):
        return
    ids = {c.name: c.id for c in store.classes(active_only=True)}
    answered = set(store.answered_rows().tolist())  # what people said since counts more
    for start in range(0, len(corpus), GIVEN_AT_ONCE):
        rows = range(start, min(start + GIVEN_AT_ONCE, len(corpus)))
        known = [
            (row, ids[name])
            for row, name in zip(rows, corpus.gold(rows), strict=True)
            if name in ids and row not in answered
        ]
        if known:
            given, classes = zip(*known, strict=True)
            store.teach(given, classes, token=f"import-{uuid.uuid4().hex}", annotator="import")


def _names(labels: str | None) -> list[str] | None:
    if labels is None:
        return None
    names = [name.strip() for name in labels.split(",") if name.strip()]
    if len(set(names)) != len(names):
        raise UsageError(f"--labels names a class twice: {labels}")
    return names


def _address(host: str, port: int) -> tuple[str, int]:
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

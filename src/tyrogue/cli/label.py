"""`label`, `open`, `demo`, `import`, `status`: the labeling app and the projects it works on."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tyrogue.cli import options
from tyrogue.cli.judged import judged
from tyrogue.cli.say import give_json, progress, remark, shown
from tyrogue.cli.serving import free_address, serve, session
from tyrogue.corpus.importing import ImportReport, import_source
from tyrogue.corpus.project import Project, is_project, project_path_for
from tyrogue.errors import UsageError
from tyrogue.labeling.plan import Plan
from tyrogue.labeling.security import token_for
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
    ratio: options.Ratio = "3",
    set_: options.Set = None,
    mode: options.ModeName = "cached",
    batch: options.Batch = 50,
    audit: options.Audit = 0.1,
    ahead: options.Ahead = True,
    guidelines: Annotated[Path | None, typer.Option(help="A Markdown file shown beside the text.")] = None,
    seed: options.Seed = 0,
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    token: options.Token = None,
    allow_host: options.AllowHost = None,
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
        ahead=ahead,
        seed=seed,
    )
    token_for(host, token)  # one that is too short is refused before anything is read
    address = free_address(host, port)
    told = None if guidelines is None else guidelines.read_text(encoding="utf-8")
    with session(place) as owner:
        columns = {"text": text, "text_pair": text_pair, "label": label_column, "id": id_column}
        if not is_project(Path(source)):
            _import(source, place, plan, columns=columns, encoding=encoding, classes=_names(labels))
        if test is not None:
            shutil.rmtree(place / "test", ignore_errors=True)
            _import(str(test), place / "test", plan, columns=columns | {"id": None}, classes=_names(labels))
        _prepare(place, _names(labels), told)
        serve(place, owner, address=address, token=token, browser=browser, names=allow_host or ())


def open_(
    project: Annotated[Path, typer.Argument(help="A project directory (reviews.tyrogue).")],
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    token: options.Token = None,
    allow_host: options.AllowHost = None,
    browser: options.Browser = True,
) -> None:
    """Go on labeling a project where it was left."""
    Project.open(project)
    token_for(host, token)  # one that is too short is refused before anything is read
    address = free_address(host, port)
    with session(project) as owner:
        serve(project, owner, address=address, token=token, browser=browser, names=allow_host or ())


def demo(
    project: Annotated[Path, typer.Option(help="Where the demo project is kept.")] = DEMO,
    autopilot: Annotated[bool, typer.Option(help="Let the gold labels answer from the start.")] = False,
    model: options.Model = "transformer",
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    token: options.Token = None,
    allow_host: options.AllowHost = None,
    browser: options.Browser = True,
) -> None:
    """Try it on a real corpus that is already here: the docstrings of the installed Python libraries."""
    token_for(host, token)  # one that is too short is refused before anything is read
    address = free_address(host, port)
    with session(project) as owner:
        if not is_project(project):
            from tyrogue.corpus.demo import create_demo

            remark("Reading the docstrings of the installed libraries...")
            create_demo(project, settings=options.plan(model=model).as_settings())
            _prepare(project, None, None)
        opened = Project.open(project)
        with Store.open(opened.store_url, opened.key) as store:
            store.set("autopilot", {"on": autopilot, "seconds": 0.3})
        serve(project, owner, address=address, token=token, browser=browser, names=allow_host or ())


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
    ratio: options.Ratio = "3",
    set_: options.Set = None,
    mode: options.ModeName = "cached",
    batch: options.Batch = 50,
    audit: options.Audit = 0.1,
    ahead: options.Ahead = True,
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
        ahead=ahead,
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
    from tyrogue.labeling.judging import told

    opened = Project.open(project)
    with Store.open(opened.store_url, opened.key) as store:
        engine = Engine(opened, store)
        state, report = engine.state(), told(engine, "me")
    if json_:
        give_json(state | {"judgement": report})
        return
    model, trainer = state["model"], state["trainer"]
    typer.echo(
        f"{shown(state['project'])}: {state['labeled']} of {state['total']} texts labeled, {state['skipped']} skipped"
    )
    for c in state["classes"]:
        if c["active"]:
            typer.echo(f"  {shown(c['name'])}: {c['labeled']}")
    known = (
        "none yet" if model is None else "{version} ({kind}, {labels} labels, {age_seconds:.0f} s old)".format(**model)
    )
    typer.echo(f"model: {known}")
    doing = f"{trainer['phase']} {trainer['message'] or ''}".rstrip()
    if trainer["progress"] is not None:
        doing += f", {trainer['progress']:.0%}"
    typer.echo(f"trainer: {shown(doing) if trainer['alive'] else 'not running'}")
    if trainer["error"]:
        typer.echo(f"failed: {shown(trainer['error'])}")
    if state["pace_seconds"]:
        typer.echo(f"pace: {state['pace_seconds']:.1f} s a label")
    typer.echo(f"ready to label: {state['queue']['ready']}")
    for line in judged(report):
        typer.echo(shown(line))


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
    known = Project.open(place)
    if not known.settings:
        known.update(settings=plan.as_settings(), seed=plan.seed)
    else:
        _say_what_stays(known.settings, plan)
    remark(_told(report))
    for warning in report.warnings:
        remark(f"Note: {warning}")
    return report


def _say_what_stays(known: Mapping[str, Any], plan: Plan) -> None:
    """A project keeps the settings it was made with; options that differ are not passed over in silence."""
    asked, usual = plan.as_settings(), Plan().as_settings()
    ignored = [name for name, value in asked.items() if value not in (usual[name], known.get(name))]
    if ignored:
        kept = ", ".join(f"{name} {known.get(name)}" for name in ignored)
        remark(f"Note: the project keeps its own settings ({kept}); make a new one with --project for others.")


def _told(report: ImportReport) -> str:
    parts = [f"{report.rows_new} new texts, {report.rows_total} in all"]
    if report.duplicates:
        parts.append(f"{report.duplicates} exact copies")
    if report.empty_skipped:
        parts.append(f"{report.empty_skipped} empty ones left out")
    if report.with_gold:
        parts.append(f"{report.with_gold} with a label")
    return ", ".join(parts) + f" ({report.seconds:.1f} s)"


def _prepare(place: Path, names: list[str] | None, guidelines: str | None) -> None:
    """Gives the project its classes and opens it to the trainer."""
    project = Project.open(place)
    with Store.open(project.store_url, project.key) as store:
        known = {c.name for c in store.classes()}
        for name in names or ([] if known else project.corpus.gold_names()):
            if name not in known:
                store.add_class(name)
        _take_given_labels(project, store)
        if guidelines is not None:
            store.set("guidelines", guidelines)
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

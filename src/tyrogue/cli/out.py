"""`export` and `predict`: labels and models out, new texts classified."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any

import typer

from tyrogue.cli import options
from tyrogue.cli.say import output_file, remark
from tyrogue.corpus.project import Project
from tyrogue.errors import UsageError
from tyrogue.store import Store


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("export")(export)
    app.command("predict")(predict)


def export(
    project: Annotated[Path, typer.Argument(help="A project directory.")],
    labels: Annotated[
        Path | None,
        typer.Option(help="Write the labels here: .csv, .jsonl, .parquet, or a folder for a Hugging Face dataset."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Write the model here: a folder that transformers.pipeline loads.")
    ] = None,
    safe: Annotated[bool, typer.Option(help="Defuse spreadsheet formulas in the labels file.")] = False,
) -> None:
    """Write the labels, the model, or both."""
    from tyrogue.labeling import out

    if labels is None and model is None:
        raise UsageError("Say what to write: --labels labels.csv, --model folder, or both.")
    opened = Project.open(project)
    with Store.open(opened.store_url, opened.key) as store:
        if labels is not None:
            kind = labels.suffix.lstrip(".").lower() or "hf"
            count = out.export(opened, store, labels, format=kind, safe=safe)
            typer.echo(f"{count} labels: {labels}")
        if model is not None:
            from tyrogue.labeling import model_out
            from tyrogue.labeling.promotion import promoted

            report = model_out.export_model(opened, store, model)
            typer.echo(f"model: {model}")
            labeled, newest = store.counts(), store.current_model()
            taught = labeled.labeled - (0 if promoted(store) else labeled.by_kind.get("reference", 0))
            if newest is not None and newest.labels < taught:
                remark(
                    f"It was trained on {newest.labels} of {taught} labels. To train on all: tyrogue query {project}"
                )
            remark(report.message)


def predict(
    model: Annotated[Path, typer.Argument(help="A project directory, or a model folder written by tyrogue export.")],
    source: options.Source,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A CSV (default: stdout).")] = None,
    text: options.TextColumn = None,
    text_pair: options.PairColumn = None,
    encoding: options.Encoding = None,
) -> None:
    """Classify new texts; writes id, label and the probability of each class."""
    from tyrogue.labeling import model_out

    rows = model_out.predictions(model, source, text=text, text_pair=text_pair, encoding=encoding)
    written = 0
    with output_file(output) as stream:
        writer: csv.DictWriter[Any] | None = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(stream, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
            written += 1
    remark(f"{written} texts classified")

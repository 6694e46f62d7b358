"""`query` and `teach`: labeling without the web, for scripts and spreadsheets."""

from __future__ import annotations

import csv
import sys
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from tyrogue.cli import options
from tyrogue.cli.say import give_json, output_file, remark, shown
from tyrogue.corpus.project import Project
from tyrogue.errors import BadInput
from tyrogue.store import Store

NAME = "command line"
LONGEST_FIELD = 2**30


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("query")(query)
    app.command("teach")(teach)


def query(
    project: Annotated[Path, typer.Argument(help="A project directory.")],
    n: Annotated[int | None, typer.Option("-n", "--batch", min=1, help="How many texts (default: the batch).")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A CSV to fill in (default: stdout).")] = None,
    json_: options.Json = False,
) -> None:
    """Ask which texts to label next; trains on what has been taught since, then writes them as a CSV to fill in."""
    from tyrogue.labeling.offline import run_until_ready

    opened = Project.open(project)
    with opened.lock(url="tyrogue query"), Store.open(opened.store_url, opened.key) as store:
        engine = run_until_ready(opened, store, say=remark)
        items = engine.items(store.reserve(NAME, n or engine.plan.batch))
        rows = [
            {"row": i["row"], "id": i["external_id"], "text": i["text"], "text_pair": i["text_pair"], "label": ""}
            for i in items
        ]
    if json_:
        give_json(rows)
        return
    _write(rows if output or not sys.stdout.isatty() else [_readable(row) for row in rows], output)
    remark(f"{len(rows)} texts. Fill in the column 'label', then: tyrogue teach {project} {output or 'FILE.csv'}")


def teach(
    project: Annotated[Path, typer.Argument(help="A project directory.")],
    file: Annotated[Path, typer.Argument(help="A CSV with the columns row and label, as written by tyrogue query.")],
) -> None:
    """Record the labels of a filled-in CSV; rows without a label stay open."""
    opened = Project.open(project)
    with opened.lock(url="tyrogue teach"), Store.open(opened.store_url, opened.key) as store:
        answers = _answers(file, {c.name: c.id for c in store.classes(active_only=True)}, len(opened.corpus))
        # What a row is labeled already is not recorded again, so that the same file may be taught twice.
        new = [(row, class_id) for row, class_id in answers if store.label_of(row) != class_id]
        if new:
            rows, class_ids = zip(*new, strict=True)
            store.teach(rows, class_ids, token=f"teach-{uuid.uuid4().hex}", annotator=NAME)
    known = len(answers) - len(new)
    typer.echo(f"{len(new)} labels recorded" + (f", {known} were known" if known else ""))


def _answers(file: Path, classes: dict[str, int], size: int) -> list[tuple[int, int]]:
    """Gives (row, class id) of each filled-in line; nothing is recorded when one of them is wrong."""
    found = []
    csv.field_size_limit(LONGEST_FIELD)
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = {"row", "label"} - set(reader.fieldnames or ())
            if missing:
                raise BadInput(
                    f"has no column {' and '.join(sorted(missing))}.",
                    source=file,
                    line=1,
                    remedy="Write it with tyrogue query.",
                )
            for record in reader:
                name = (record["label"] or "").strip()
                if not name:
                    continue
                found.append(
                    (_row(record["row"], size, file, reader.line_num), _class(name, classes, file, reader.line_num))
                )
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}.", source=file) from error
    except csv.Error as error:
        raise BadInput(f"cannot be read as CSV: {error}.", source=file, line=reader.line_num) from error
    except UnicodeDecodeError as error:
        raise BadInput("is not UTF-8.", source=file, remedy="Save it as CSV UTF-8.") from error
    return found


def _row(value: str | None, size: int, file: Path, line: int) -> int:
    if value is None or not value.strip().isdecimal() or int(value) >= size:
        raise BadInput(f"row {value!r} is not in this project of {size} texts.", source=file, line=line)
    return int(value)


def _class(name: str, classes: dict[str, int], file: Path, line: int) -> int:
    if name not in classes:
        raise BadInput(
            f"label {name!r} is not one of: {', '.join(sorted(classes))}.",
            source=file,
            line=line,
            remedy="Correct it, or add the class in the app.",
        )
    return classes[name]


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a terminal may show it; in a file or a pipe the texts stay what they are."""
    return {name: shown(value) if isinstance(value, str) else value for name, value in row.items()}


def _write(rows: list[dict[str, Any]], output: Path | None) -> None:
    columns = ["row", "id", "text", "text_pair", "label"]
    with output_file(output) as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

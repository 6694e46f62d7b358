"""`invite` and `team`: who may label a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tyrogue.cli import options
from tyrogue.cli.say import give_json, remark, shown
from tyrogue.corpus.project import Project
from tyrogue.errors import UsageError
from tyrogue.store import ROLES, Store

DAY = 86_400
ProjectArgument = Annotated[Path, typer.Argument(help="A project directory.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("invite")(invite)
    app.command("team")(team)


def invite(
    project: ProjectArgument,
    name: Annotated[str, typer.Argument(help="Of the person, or of a program with --token.")],
    role: Annotated[str, typer.Option(help="annotator, reviewer or owner.")] = "annotator",
    days: Annotated[float, typer.Option(min=0.01, max=365, help="How long it lets in.")] = 7,
    reusable: Annotated[bool, typer.Option(help="A personal link without a password, until it ends.")] = False,
    token: Annotated[bool, typer.Option("--token", help="Print a token for a program instead of a link.")] = False,
    url: Annotated[str, typer.Option(help="Where the project is served.")] = "http://127.0.0.1:8000",
    json_: options.Json = False,
) -> None:
    """Invite somebody to a project; from then on everybody logs in. Prints a link that works once."""
    from tyrogue.labeling.team import invitation

    if role not in ROLES:
        raise UsageError(f"--role {role}: choose one of {', '.join(ROLES)}.")
    opened = Project.open(project)
    with Store.open(opened.store_url, opened.key) as store:
        if token:
            store.annotator(name, role)
            store.welcome_back(name)
            store.set_role(name, role)
            secret, kept = store.issue(name, "token", seconds=days * DAY, label="command line")
            found = {"token": secret, "name": kept.annotator, "role": role, "expires": kept.expires.isoformat()}
        else:
            found = invitation(store, name, role, days=days, reusable=reusable)
            found["link"] = url.rstrip("/") + found.pop("path")
    if json_:
        give_json(found)
        return
    typer.echo(found["token"] if token else found["link"])
    remark(f"For {found['name']}, {role}, until {found['expires'][:10]}. It is shown this once; only its hash is kept.")
    remark("A running app lets in from now on only who logs in; its owner by the ?token= link of the next start.")


def team(
    project: ProjectArgument,
    remove: Annotated[str | None, typer.Option(help="Take this person off the team; the labels stay.")] = None,
    json_: options.Json = False,
) -> None:
    """Say who is on the team of a project and what each has done."""
    from tyrogue.labeling.team import people

    opened = Project.open(project)
    with Store.open(opened.store_url, opened.key) as store:
        if remove is not None:
            store.remove_annotator(remove)
        found = people(store)
    if json_:
        give_json(found)
        return
    for one in found["people"]:
        what = "has left" if one["left"] else one["role"]
        typer.echo(f"{shown(one['name'])}: {what}, {one['labels']} labels, {one['today']} today")
    for one in found["credentials"]:
        typer.echo(f"{one['kind']} of {shown(one['name'])} until {one['expires'][:10]}")

"""`invite` and `team`: who may label a project."""

from __future__ import annotations

import http.client
import json
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from tyrogue.cli import options
from tyrogue.cli.say import give_json, remark, shown
from tyrogue.corpus.project import Project
from tyrogue.errors import ProjectInUse, UsageError
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
    opened, mine = Project.open(project), None
    body = {"name": name, "role": role, "days": days, "reusable": reusable}
    asked = None if token else _ask_running(opened, body)
    with Store.open(opened.store_url, opened.key) as store:
        if asked is not None:
            found, mine = asked
            found["link"] = url.rstrip("/") + found.pop("path")
        elif token:
            store.annotator(name, role)
            store.welcome_back(name)
            store.set_role(name, role)
            secret, kept = store.issue(name, "token", seconds=days * DAY, label="command line")
            found = {"token": secret, "name": kept.annotator, "role": role, "expires": kept.expires.isoformat()}
        else:
            found = invitation(store, name, role, days=days, reusable=reusable)
            found["link"] = url.rstrip("/") + found.pop("path")
    if json_:
        give_json(found | ({} if mine is None else {"owner": mine}))
        return
    typer.echo(found["token"] if token else found["link"])
    remark(f"For {found['name']}, {role}, until {found['expires'][:10]}. It is shown this once; only its hash is kept.")
    if mine is None:
        remark("A running app lets in from now on only who logs in; its owner by the ?token= link of the next start.")
    else:
        remark(f"The app that is running lets in from now on only who logs in. You, its owner: {mine}")


def _ask_running(project: Project, body: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """Lets the app that has the project open invite, where it lets in everybody still: the invitation closes its door,
    and its answer has the key for the owner, who would be locked out of his own page. None where there is no such app.
    """
    from tyrogue.labeling.access import COOKIE

    served = _served_at(project)
    if served is None or "token=" in served:
        return None
    where = urlsplit(served)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    try:
        headers = {"Content-Type": "application/json", "X-Tyrogue": "1"}
        connection.request("POST", "/api/team/invitations", json.dumps(body), headers)
        answer = connection.getresponse()
        content, cookies = answer.read(), SimpleCookie(answer.getheader("Set-Cookie") or "")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    if answer.status != 201 or COOKIE not in cookies:
        return None
    return json.loads(content), f"{served.rstrip('/')}/?token={cookies[COOKIE].value}"


def _served_at(project: Project) -> str | None:
    """Gives the address of the app that has the project open; None when none has."""
    try:
        with project.lock():
            return None
    except ProjectInUse as used:
        return used.url if used.url is not None and used.url.startswith("http://") else None


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

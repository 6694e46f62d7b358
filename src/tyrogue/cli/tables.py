"""`strategies`: what there is to choose from."""

from __future__ import annotations

from dataclasses import asdict

import typer

from tyrogue.cli import options
from tyrogue.cli.say import give_json


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("strategies")(strategies)


def strategies(json_: options.Json = False) -> None:
    """List the acquisition functions, their papers and parameters."""
    from tyrogue.strategies import describe

    known = describe()
    if json_:
        give_json([asdict(one) for one in known])
        return
    for one in known:
        cost = "looks at the whole pool" if one.whole_pool else "looks at a draw"
        start = "cold start" if one.cold_start else "needs a model"
        typer.echo(f"{one.name:18} {one.paper}  [{start}; {cost}]")
        for parameter in one.parameters:
            typer.echo(f"{'':18}   {parameter.name}={parameter.default}  {parameter.description}")

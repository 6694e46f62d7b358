"""The command line: verbs as subcommands, results on stdout, talk and progress on stderr, exit 2 for what cannot be."""

from __future__ import annotations

import sys

import typer

import tyrogue
from tyrogue.cli import doctor, experiments, label, out, step, tables, team
from tyrogue.cli.say import complain
from tyrogue.errors import TyrogueError

app = typer.Typer(
    name="tyrogue",
    help="From a file of unlabeled texts to a good classifier with a few hundred labels, without ever waiting.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(tyrogue.__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


for part in (label, step, out, team, tables, experiments, doctor):
    part.register(app)


def main() -> None:
    """Runs a command; an error that tyrogue raised on purpose is one line on stderr and exit code 2."""
    try:
        app(standalone_mode=True)
    except TyrogueError as error:
        complain(str(error))
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        complain(
            f"{error.filename or 'A file'}: {error.strerror or error}. Check that the path exists and can be written."
        )
        sys.exit(2)
    except KeyboardInterrupt:
        complain("Interrupted. What was acknowledged is saved; the same command goes on from here.")
        sys.exit(130)

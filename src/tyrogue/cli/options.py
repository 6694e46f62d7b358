"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tyrogue.errors import UsageError
from tyrogue.labeling.plan import MODELS, RECIPES, Plan

_COLUMNS = "Columns of the file"
_MODEL = "Model and strategy"
_SERVER = "Server"

Source = Annotated[
    str,
    typer.Argument(help="CSV, TSV, JSONL, Parquet, a folder of .txt, a dataset folder or a Hugging Face dataset name."),
]
Labels = Annotated[str | None, typer.Option(help="The classes, with commas between: negative,positive.")]
Test = Annotated[Path | None, typer.Option(help="A file with gold labels; the learning curve is measured on it.")]
ProjectDir = Annotated[Path | None, typer.Option(help="The project directory (default: beside the file).")]
TextColumn = Annotated[str | None, typer.Option(help="Column of the text.", rich_help_panel=_COLUMNS)]
PairColumn = Annotated[str | None, typer.Option(help="Column of the second text of a pair.", rich_help_panel=_COLUMNS)]
LabelColumn = Annotated[
    str | None,
    typer.Option("--label", help="Column of a label that is already known, or none.", rich_help_panel=_COLUMNS),
]
IdColumn = Annotated[str | None, typer.Option("--id", help="Column of your own id, or none.", rich_help_panel=_COLUMNS)]
Encoding = Annotated[str | None, typer.Option(help="Encoding of the file (default: UTF-8).", rich_help_panel=_COLUMNS)]
Model = Annotated[
    str,
    typer.Option(
        help="auto, transformer, linear, or a hub name or folder of weights to fine-tune.", rich_help_panel=_MODEL
    ),
]
Recipe = Annotated[str, typer.Option(help="Training recipe: product, finetune or paper.", rich_help_panel=_MODEL)]
Strategy = Annotated[
    str,
    typer.Option(
        help="Acquisition function (see: tyrogue strategies), or package.module:Class.", rich_help_panel=_MODEL
    ),
]
RATIO_HELP = "Tyrogue's r: 1 explores, more exploits, auto adapts to what the labels show."
Ratio = Annotated[str, typer.Option(metavar="<int or auto>", help=RATIO_HELP, rich_help_panel=_MODEL)]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="A parameter: strategy.candidates=5000.", rich_help_panel=_MODEL)
]
ModeName = Annotated[
    str, typer.Option(help="Embeddings that are clustered: cached or current.", rich_help_panel=_MODEL)
]
Batch = Annotated[int, typer.Option(min=1, max=1000, help="Labels in a round.", rich_help_panel=_MODEL)]
Audit = Annotated[
    float,
    typer.Option(
        min=0, max=0.5, help="Share of each batch drawn at random to judge the model.", rich_help_panel=_MODEL
    ),
]
Ahead = Annotated[
    bool,
    typer.Option(
        "--ahead/--synchronous",
        help="Choose the next batch while this one is labeled, or only after it was learned.",
        rich_help_panel=_MODEL,
    ),
]
Seed = Annotated[int, typer.Option(help="Of everything that is drawn.", rich_help_panel=_MODEL)]
Host = Annotated[str, typer.Option(envvar="TYROGUE_HOST", help="Address to listen on.", rich_help_panel=_SERVER)]
Port = Annotated[
    int,
    typer.Option(envvar="TYROGUE_PORT", min=0, max=65535, help="Port; 0 takes a free one.", rich_help_panel=_SERVER),
]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="TYROGUE_TOKEN", help="What requests must carry; made when --host is not local.", rich_help_panel=_SERVER
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        envvar="TYROGUE_ALLOW_HOST",
        help="A name that a proxy before the server is called by; everybody then logs in.",
        rich_help_panel=_SERVER,
    ),
]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the browser.", rich_help_panel=_SERVER)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def plan(
    *,
    model: str = "transformer",
    recipe: str = "product",
    strategy: str = "tyrogue",
    ratio: str = "3",
    settings: list[str] | None = None,
    mode: str = "cached",
    batch: int = 50,
    audit: float = 0.1,
    seed: int = 0,
    ahead: bool = True,
) -> Plan:
    """Gives the plan that these options mean, after making its strategy once to see that it can be made."""
    if mode not in ("cached", "current"):
        raise UsageError(f"--mode {mode}: choose cached or current.")
    if recipe not in RECIPES:
        raise UsageError(f"--recipe {recipe}: choose one of {', '.join(sorted(RECIPES))}.")
    kind, checkpoint = (model, "default") if model in MODELS else ("transformer", model)
    made = Plan(
        strategy=strategy,
        parameters=tuple(parameters(settings, "strategy").items()),
        ratio=ratio_of(ratio),
        batch=batch,
        audit=audit,
        model=kind,
        recipe=recipe,
        checkpoint=checkpoint,
        mode="cached" if mode == "cached" else "current",
        seed=seed,
        ahead=ahead,
    )
    made.make_strategy()
    return made


def ratio_of(text: str) -> int | Literal["auto"]:
    """Gives the ratio that --ratio means; UsageError when it is none."""
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--ratio {text}: give a whole number from 1, or auto.")
    return int(text)


def parameters(settings: list[str] | None, prefix: str) -> dict[str, Any]:
    """Gives the values of `prefix.name=value` settings, as text."""
    found: dict[str, Any] = {}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        room, dot, key = name.partition(".")
        if not equals or not dot:
            raise UsageError(f"--set {setting}: write it as {prefix}.parameter=value.")
        if room == prefix:
            found[key] = value
    return found

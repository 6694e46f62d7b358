"""`simulate`, `bench`, `report`, `replay`: active learning with gold labels in the annotator's place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tyrogue.cli.options import RATIO_HELP, ratio_of
from tyrogue.cli.say import give_json, remark, shown
from tyrogue.errors import UsageError

if TYPE_CHECKING:
    from tyrogue.experiments.replay import Replay
    from tyrogue.experiments.simulate import Round, Run

Set = Annotated[
    list[str] | None, typer.Option("--set", help="A parameter, such as strategy.candidates=5000 or model.c=10.")
]
StrategyName = Annotated[
    str, typer.Option(help="Acquisition function (see: tyrogue strategies), or package.module:Class.")
]
ModelName = Annotated[str, typer.Option(help="linear, transformer, or a hub name or folder of weights to fine-tune.")]
Recipe = Annotated[str | None, typer.Option(help="Training recipe: product, finetune or paper.")]
Batch = Annotated[int, typer.Option(min=1, help="Labels in a round.")]
Budget = Annotated[int, typer.Option(min=1, help="Labels in all.")]
Seed = Annotated[int, typer.Option(help="Of everything that is drawn.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Encoder = Annotated[str, typer.Option(help="The frozen sentence encoder: default, a hub name or a folder.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    for command in (simulate, bench, report, replay):
        app.command()(command)


def simulate(
    train: Annotated[Path, typer.Argument(help="Pool with its true labels: columns text, label, perhaps text_pair.")],
    test: Annotated[Path, typer.Option(help="Test set, like TRAIN.")],
    strategy: StrategyName = "tyrogue",
    model: ModelName = "linear",
    recipe: Recipe = None,
    batch: Batch = 50,
    budget: Budget = 200,
    seed: Seed = 0,
    ratio: Annotated[str | None, typer.Option(metavar="<int or auto>", help=RATIO_HELP)] = None,
    mode: Annotated[str, typer.Option(help="Embeddings that are clustered: cached or current.")] = "cached",
    start: Annotated[str, typer.Option(help="First batch: cold (the strategy's) or random.")] = "cold",
    encoder: Encoder = "default",
    set_: Set = None,
    json: Json = False,
) -> None:
    """Label TRAIN with its own labels, as a strategy asks for them, and print the learning curve on TEST."""
    from tyrogue.experiments import session

    settings = list(set_ or []) + ([f"strategy.ratio={ratio_of(ratio)}"] if ratio is not None else [])
    prepared = session.prepare(
        train, test, strategy=strategy, model=model, recipe=recipe, mode=mode, start=start, encoder=encoder,
        settings=settings,
    )  # fmt: skip
    run = prepared.run(batch=batch, budget=budget, seed=seed, on_round=_tell)
    if json:
        give_json({**prepared.description, "batch": batch, "budget": budget, "seed": seed, "rounds": _lines(run)})
    else:
        typer.echo(_curve(run))


def bench(
    grid: Annotated[Path, typer.Argument(help="A grid file, such as experiments/smoke.toml.")],
    out: Annotated[Path, typer.Option(help="Folder of result files; what is finished there is not run again.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of datasets; without it they are taken by name from the hub.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of each (default: cores / jobs).")] = None,
    shard: Annotated[str, typer.Option(help="Run only the i-th of n parts: i/n.")] = "1/1",
    cache: Annotated[Path | None, typer.Option(help="Folder of frozen embeddings, kept between calls.")] = None,
    set_: Set = None,
) -> None:
    """Run a grid: datasets x strategies x models x seeds. Killed at any moment, it goes on where it was."""
    from tyrogue.cli.watch import watching
    from tyrogue.experiments import grid as grids
    from tyrogue.experiments.bench import bench as run_grid
    from tyrogue.experiments.embeddings import default_cache

    loaded = grids.load(grid, set_ or ())
    grids.shard([], shard)
    with watching() as watcher:
        summary = run_grid(
            loaded, data=data, out=out, cache=cache or default_cache(), watcher=watcher, jobs=jobs, threads=threads,
            part=lambda cells: grids.shard(cells, shard),
        )  # fmt: skip
    busy = f", {summary.busy} left to another process" if summary.busy else ""
    remark(f"{summary.done} runs done, {summary.finished_before} were there already{busy}. Results: {out}")
    if summary.waiting:
        remark(f"{summary.waiting} maps wait for curves that are not finished: run the grid again after them.")
    for key, reason in summary.failed.items():
        remark(f"{key} failed: {reason}")
    if summary.failed:
        raise typer.Exit(1)


def report(
    results: Annotated[list[Path], typer.Argument(help="Folders of result files, reported together.")],
    out: Annotated[
        Path | None, typer.Option(help="HTML file to write; figures as PNG go into a folder beside it.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Markdown file to write: the main tables.")] = None,
    tuned_on: Annotated[
        str, typer.Option(help="Datasets a rule was tuned on, with commas between: shown, not judged by.")
    ] = "",
) -> None:
    """Write tables and figures of a folder of results, each beside the paper's published values."""
    from tyrogue.experiments.report import markdown_report, write_report

    if out is None and markdown is None:
        raise UsageError("Say what to write: --out report.html, --markdown results.md, or both.")
    tuned = [name.strip() for name in tuned_on.split(",") if name.strip()]
    if markdown is not None:
        markdown.parent.mkdir(parents=True, exist_ok=True)
        markdown.write_text(markdown_report(results, tuned), encoding="utf-8")
        typer.echo(str(markdown))
    if out is not None:
        written = write_report(results, out, tuned_on=tuned)
        remark(f"{len(written) - 1} figures in {written[-1].parent}" if len(written) > 1 else "No figures.")
        typer.echo(str(out))


def replay(
    project: Annotated[Path, typer.Argument(help="A project directory, or a file exported from one.")],
    strategies: Annotated[str, typer.Option(help="With commas between.")] = "random,margin,tyrogue",
    model: ModelName = "linear",
    recipe: Recipe = None,
    batch: Batch = 10,
    seeds: Annotated[int, typer.Option(min=1, help="How many splits into pool and test.")] = 5,
    encoder: Encoder = "default",
    out: Annotated[
        Path | None, typer.Option(help="Also write the labeled texts there as a dataset for `bench --data`.")
    ] = None,
    json: Json = False,
) -> None:
    """Compare what other strategies would have asked, on the texts that people have labeled in a project."""
    from tyrogue.experiments import session

    found = session.replay_project(
        project, [name.strip() for name in strategies.split(",")], model=model, recipe=recipe, batch=batch,
        seeds=range(seeds), encoder=encoder, tell=remark, out=out,
    )  # fmt: skip
    if json:
        give_json(found.line())
    else:
        typer.echo(_replayed(found))


def _tell(round: Round) -> None:
    remark(
        f"round {round.round}: {round.labeled} labels, macro-F1 {round.macro_f1:.3f}, "
        f"{round.acquire_seconds:.2f} s to choose, {round.train_seconds:.2f} s to train"
    )


def _lines(run: Run) -> list[dict[str, Any]]:
    return [round.line() for round in run.rounds]


def _curve(run: Run) -> str:
    width = 40
    rows = [f"{'labels':>7} {'accuracy':>9} {'macro-F1':>9}"]
    for round in run.rounds:
        bar = "█" * int(round.macro_f1 * width + 0.5)
        rows.append(f"{round.labeled:7} {round.accuracy:9.4f} {round.macro_f1:9.4f}  {bar}")
    return "\n".join(rows)


def _replayed(found: Replay) -> str:
    rows = [f"{'strategy':20} {'area':>7} {'end':>7} {'same texts':>11}"]
    rows += [f"{a.strategy:20} {a.area:7.4f} {a.end:7.4f} {a.overlap:11.0%}" for a in found.arms]
    for arm in found.arms:
        rows += ["", f"first asked by {arm.strategy}:"]
        pairs = zip(arm.first, arm.first_texts, strict=False)
        rows += [f"  {row:7}  {shown(text).replace(chr(10), ' ')}" for row, text in pairs]
    return "\n".join([*_wrapped(found.note), "", *rows])


def _wrapped(text: str) -> Sequence[str]:
    import textwrap

    return textwrap.wrap(text, 100)


__all__ = ["register"]

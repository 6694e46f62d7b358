"""Ways of training, compared on the very same labels: runs in which one model chose and others were trained on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tyrogue.experiments import compare, metrics
from tyrogue.experiments.report.study import model_title
from tyrogue.experiments.report.tables import NOTHING, Table, plus_minus
from tyrogue.experiments.results import Record

TITLE = "Ways of training"
REFERENCE = "fine-tuned"
"""What the others are compared with, where it is among them."""

Runs = dict[str, list[Record]]
"""By the title of the model."""


def split(records: Iterable[Record]) -> tuple[Runs, list[Record]]:
    """Gives the runs that compare ways of training, by model, and all others.

    The former are those in which another model chose the texts, when several models learned from the same choice.
    """
    every, by_choice = list(records), defaultdict[tuple[str, ...], set[str]](set)
    for record in every:
        if record.config["kind"] == "curve" and record.config["model"].get("acquired_by"):
            by_choice[_choice(record)].add(model_title(record.config))
    runs: Runs = {}
    others = []
    for record in every:
        if len(by_choice.get(_choice(record), ())) > 1:
            if record.done is not None:
                runs.setdefault(model_title(record.config), []).append(record)
        else:
            others.append(record)
    return runs, others


def tables(runs: Runs) -> Iterator[Table]:
    """Gives what every way of training reaches, and how far each is ahead of the reference."""
    if runs:
        yield reached(runs)
        yield differences(runs)


def reached(runs: Runs) -> Table:
    """Macro-F1 by dataset and number of labels."""
    scores, places = _scores(runs, "macro_f1"), _places(runs)
    means = {t: np.array([_mean(scores[t], place) for place in places]) for t in runs}
    order = sorted(runs, key=lambda title: (not np.isfinite(means[title]).all(), -float(np.nanmean(means[title]))))
    best = [
        (i, j + 1)
        for j in range(len(places))
        for i, title in enumerate(order)
        if means[title][j] >= max(means[t][j] for t in order if np.isfinite(means[t][j])) - 1e-9
    ]
    rows = tuple(
        (title, *(_cell(scores[title], place) for place in places), f"{100 * float(np.mean(means[title])):.1f}")
        if np.isfinite(means[title]).all()
        else (title, *(_cell(scores[title], place) for place in places), NOTHING)
        for title in order
    )
    return Table(
        "Macro-F1 of each way of training on the same labels, in points",
        ("Way of training", *places, "mean"),
        rows,
        "Mean over seeds, 95% t interval. The texts were chosen by another model, the same for all.",
        best=tuple(best),
    )


def differences(runs: Runs, seed: int = 0) -> Table:
    """Every way of training against the reference, paired over datasets, numbers of labels and seeds."""
    reference = REFERENCE if REFERENCE in runs else next(iter(runs))
    f1, log_loss, ece = (_scores(runs, name) for name in ("macro_f1", "log_loss", "ece"))
    found = [
        (title, d)
        for title in runs
        if title != reference
        and (d := compare.paired_bootstrap(f1, title, reference, np.random.default_rng(seed))) is not None
    ]
    corrected = dict(zip((t for t, _ in found), compare.holm([d.p for _, d in found]), strict=True))
    rows: list[tuple[str, ...]] = [(reference, "", "", "", *_beside(runs, reference, log_loss, ece), "")]
    for title, d in sorted(found, key=lambda pair: -pair[1].mean):
        # One seed has nothing to resample.
        interval = f"{100 * d.low:+.2f} to {100 * d.high:+.2f}" if d.low < d.high else NOTHING
        row = (title, f"{100 * d.mean:+.2f}", interval, f"{corrected[title]:.4f}")
        rows.append((*row, *_beside(runs, title, log_loss, ece), str(d.cells)))
    return Table(
        f"How far each way of training is ahead of {reference}, in points of macro-F1",
        ("Way of training", "difference", "95% interval", "p (Holm)", "log-loss", "ECE", "seconds a fit", "pairs"),
        tuple(rows),
        "Paired by dataset, number of labels and seed; seeds are resampled within each (10,000 times; not with one "
        "seed). p of the sign-flip test on the same pairs. Log-loss and expected calibration error (points) on the "
        "test set, means over all; seconds: the median, of the machine above.",
    )


def _choice(record: Record) -> tuple[str, ...]:
    """What decides which texts were chosen."""
    config = record.config
    names = ("strategy", "mode", "start", "batch", "budget", "seed")
    return (config["dataset"]["digest"], str(config["model"].get("acquired_by")), *(str(config[n]) for n in names))


def _scores(runs: Runs, name: str) -> dict[str, dict[compare.Cell, float]]:
    return {
        title: {
            (_place(record, round.labeled), int(record.config["seed"])): float(getattr(round, name))
            for record in records
            for round in record.rounds
        }
        for title, records in runs.items()
    }


def _place(record: Record, labels: int) -> str:
    return f"{record.config['dataset']['name']}, {labels}"


def _places(runs: Runs) -> list[str]:
    every = {(r.config["dataset"]["name"], n.labeled) for records in runs.values() for r in records for n in r.rounds}
    return [f"{name}, {labels}" for name, labels in sorted(every)]


def _values(scores: dict[compare.Cell, float], place: str) -> list[float]:
    return [value for (at, _), value in sorted(scores.items()) if at == place]


def _mean(scores: dict[compare.Cell, float], place: str) -> float:
    values = _values(scores, place)
    return float(np.mean(values)) if values else float("nan")


def _cell(scores: dict[compare.Cell, float], place: str) -> str:
    values = [100 * value for value in _values(scores, place)]
    return plus_minus(metrics.mean_interval(values)) if values else NOTHING


def _beside(
    runs: Runs, title: str, log_loss: dict[str, dict[compare.Cell, float]], ece: dict[str, dict[compare.Cell, float]]
) -> Sequence[str]:
    seconds = [round.train_seconds for record in runs[title] for round in record.rounds]
    return (
        f"{float(np.mean(list(log_loss[title].values()))):.3f}",
        f"{100 * float(np.mean(list(ece[title].values()))):.1f}",
        f"{float(np.median(seconds)):.1f}",
    )

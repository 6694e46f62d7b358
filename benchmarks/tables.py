"""Writes docs/performance.md, and what was measured into two other pages, from the result files, so that no figure
there was typed by hand: `make docs`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
LABELING = PAGE.with_name("labeling.md")
STRATEGIES = PAGE.with_name("strategies.md")
CPU = PAGE.parents[1] / "experiments" / "results" / "cpu"
LEAD = """# Performance

Every figure here comes from a file in `benchmarks/results/`, which holds the command, the commit, the versions and the
machine; `make docs` writes this page from them. Two things to know: the machine was a small shared one, so single
times are noisy and ratios within one run say more; and what is slower than its rivals is here too."""

Json = dict[str, Any]


def table(head: list[str], rows: list[list[Any]]) -> str:
    """Gives a Markdown table, numbers to the right."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def where(told: Json) -> str:
    """Gives on what machine and how a file was measured."""
    machine = told["machine"]
    units = ", ".join(machine.get("matrix_units", [])) or "see the file"
    cores = f"{machine['processor']}, {machine['cores']} cores ({units}), Python {machine['python']}"
    return f"`{told['command']}` on {cores}."


def imported(told: Json) -> str:
    rows = [
        ["import, with duplicates and ids", f"{told['import_seconds']} s ({told['rows_per_second']:,} rows/s)"],
        ["full-text index", f"{told['search_index_seconds']} s"],
        ["the same file again (nothing new)", f"{told['reimport_seconds']} s"],
        ["peak memory of the process", f"{told['peak_rss_mb']} MB"],
        ["10,000 random texts", f"{told['texts_10000_rows_ms']} ms"],
    ]
    size = f"{told['rows']:,} rows, {told['file_mb']} MB CSV"
    return f"## A million texts\n\n{table(['', size], rows)}"


def first_text(told: Json) -> str:
    rows = [[f"{f['rows']:,}", len(f["runs"]), f["median_s"], f["worst_s"]] for f in told["figures"]["files"]]
    return (
        "## From the command to the first text\n\n"
        + table(["rows of the file", "runs", "seconds (median)", "worst"], rows)
        + "\n\nA new project each time: import, server, trainer and weights are started, as many texts as three "
        "seconds allow are embedded, and the first are chosen among them."
    )


def latency(told: Json) -> str:
    figures = told["figures"]
    names = ["acquire_p50_s", "acquire_p95_s", "prepared_p95_s", "head_p95_s", "acquire_to_plain_forward"]
    names += ["prepared_to_matmul_limit", "rss_mb"]
    asked = ["dial_p95_s", "dial_far_p95_s", "next_p95_s", "submit_p95_s", "state_p95_s", "import_s"]
    first, second = (
        table(["pool", *chosen], [[f"{run['pool']:,}", *(run.get(n, "") for n in chosen)] for run in figures["pools"]])
        for chosen in (names, asked)
    )
    return (
        f"## Acquisition: 10,000 candidates, 50 to label, r = 3\n\n{first}\n\n"
        "`acquire`: embeddings cached, nothing else ready (draw, k-means, 150 forward passes of the fine-tuned model, "
        "rank); beside it its ratio to 150 plain forward passes in transformers. `prepared`: clusters ready; beside it "
        "its ratio to the matrix products alone, in our number format. `head`: clusters ready and a linear model.\n\n"
        f"{second}\n\n`dial`: the ratio is moved to one that was prepared, `dial_far`: to one that was not, until the "
        "queue is ranked anew. `next`, `submit`, `state`: what the page asks, answered by the engine."
    )


def current(told: Json) -> str:
    (run,) = told["figures"]["pools"]
    names = ["current_p50_s", "current_forward_p50_s", "current_to_matmul_limit", "rss_mb"]
    return (
        "## The same with the model's own embeddings (`mode = current`)\n\n"
        + table(["pool", *names], [[f"{run['pool']:,}", *(run[name] for name in names)]])
        + "\n\nAll 10,000 candidates pass through the fine-tuned model; the limit is that of their matrix products "
        "alone, in our number format."
    )


def session(told: Json) -> str:
    waits = ["first_text_s", "wait_p50_s", "wait_p95_s", "wait_max_s", "waited_s"]
    names = [*waits, "stale_share", "lacked_mean", "train_s", "macro_f1"]
    runs = list(told["figures"]["sessions"])
    other = RESULTS / "session_small_text.json"
    if other.exists():
        theirs = json.loads(other.read_text())
        runs += theirs["figures"]["sessions"]
    rows = [[run["mode"], run["annotators"], run["labels"], *(run.get(name, "") for name in names)] for run in runs]
    return (
        f"## A session over HTTP ({told['figures']['data']}, {told['figures']['pool']:,} texts)\n\n"
        + table(["mode", "annotators", "labels", *names], rows)
        + "\n\n"
        + "\n".join(
            f"- {run['mode']}, {run['annotators']}: macro-F1 "
            + ", ".join(f"{f1:.3f} with {labels:.0f}" for labels, f1 in run["curve"])
            for run in runs
            if run.get("curve")
        )
        + "\n\nThe wait of an item is from the decision until the next text is in hand, both requests included; the "
        "page hides most of it, since it has the next texts already. `waited_s` is their sum over all people. "
        "`stale_share`: items chosen by a model older than one round, which lacked more than a batch of the labels "
        "that were there when the item's batch began; `lacked_mean`: labels that the model lacked when an item was "
        "shown, those of its own batch counted (in a loop where people wait: 25 of 50). `synchronous` is the same with "
        " the pipeline off, `small-text` a loop written on that library with its defaults and the same weights: "
        "there people wait, nothing happens meanwhile, so the time to think is left out."
        + (f" That one by `{theirs['command']}`." if other.exists() else "")
    )


def staleness(told: Json) -> str:
    figures = told["figures"]
    rows = []
    for i, labels in enumerate(figures["labels"]):
        f1 = {mode: values[i] for mode, values in figures["macro_f1"].items()}
        apart = f"{figures['difference'][i]:+.4f} ± {figures['difference_half_width'][i]:.4f}"
        rows.append([labels, f1["ahead"], f1["synchronous"], apart])
    return (
        "## What it costs never to wait\n\n"
        + table(["labels", "ahead, macro-F1", "synchronous, macro-F1", "difference, 95% interval"], rows)
        + f"\n\n{more_labels(figures)}\n\nThe real pipeline on a simulated clock, {figures['seeds']} seeds: a label "
        f"every {figures['pace_s']} s, a fit takes {figures['train_s']} s. "
        f"Stale items, chosen by a model older than one round: {figures['stale_share']['ahead']:.1%}; the model lacked "
        f"{figures['lacked_mean']['ahead']:.0f} labels on average when an item was shown (synchronous: "
        f"{figures['lacked_mean']['synchronous']:.0f}); the queue ran dry {figures['ran_dry']['ahead']} times."
    )


def more_labels(figures: Json) -> str:
    """Says how many labels more it takes when work goes on ahead of the labels, as far as the curves tell."""
    labels, f1 = figures["labels"], figures["macro_f1"]
    parts = []
    for at, wanted in zip(labels, f1["synchronous"], strict=True):
        if f1["ahead"][0] < wanted <= max(f1["ahead"]):
            parts.append(f"{float(np.interp(wanted, np.maximum.accumulate(f1['ahead']), labels)) - at:+.0f} at {at}")
    if not parts:
        return "Between these numbers of labels the curves do not tell how many labels the one is behind the other."
    return f"Labels more than the synchronous loop takes for the same macro-F1: {', '.join(parts)}."


def load(told: Json) -> str:
    figures = told["figures"]
    names = ["submit_p50_s", "submit_p99_s", "submit_p99_training_s", "next_p99_s"]
    names = [name for name in [*names, "served_twice", "lost", "errors", "trainings"] if name in figures]
    rows = [[figures["annotators"], figures["labels"], figures["seconds"], *(figures[name] for name in names)]]
    return (
        "## Many annotators at once, over HTTP, while the model trains\n\n"
        + table(["annotators", "labels", "seconds", *names], rows)
        + "\n\nEach thinks for a log-normal time with a median of half a second. `served_twice`: texts given to two "
        "people without overlap; `lost`: labels that were acknowledged and are not in the journal."
    )


def map_(told: Json) -> str:
    figures = told["figures"]
    rows = [
        [
            f"{gesture}, {ratio} x",
            *(one[name] for name in ("frames", "p50_ms", "p95_ms", "max_ms")),
            f"{one['over_34_ms']:.1%}",
        ]
        for ratio, gestures in figures["frames"].items()
        for gesture, one in gestures.items()
    ]
    places, grown, layout = figures["places"], figures["grown"], figures["layout"]
    return (
        f"## The map with {figures['points']:,} points\n\n"
        + table(["gesture, pixel ratio", "frames", "p50, ms", "p95, ms", "worst, ms", "over 34 ms"], rows)
        + f"\n\nTimes between two frames of headless Chromium {figures['chromium'].partition('.')[0]} without a "
        f"graphics card, load average {figures['load_average']}. The places are {places['bytes'] / 1e6:.2f} MB of "
        f"JSON, parsed in {places['parse_ms']} ms and put in order in {places['place_ms']} ms; {grown['points']} more "
        f"texts are {grown['bytes'] / 1e3:.1f} kB. The trainer's process lays out {layout['points']:,} vectors in "
        f"{layout['seconds']} s of the lowest priority, and puts {layout['later']:,} beside them in "
        f"{layout['beside_seconds']} s."
    )


def kmeans(told: Json) -> str:
    figures = told["figures"]
    rows = [
        [name, row["seconds_median"], row["cpu_seconds_median"], row["inertia_to_scikit_learn"]]
        for name, row in figures["implementations"].items()
        if "skipped" not in row
    ]
    what = f"{figures['n']:,} x {figures['d']}, k = {figures['k']}, real embeddings ({figures['data']})"
    head = ["", "seconds (median)", "CPU seconds", "inertia against scikit-learn"]
    return f"## k-means\n\n{what}\n\n{table(head, rows)}"


def acquisition(told: Json) -> str:
    cells = told["figures"]["cells"]
    strategies = sorted({cell["strategy"] for cell in cells})
    pools = sorted({cell["pool"] for cell in cells if not cell.get("forward")})
    libraries = ["tyrogue", *sorted({cell["library"] for cell in cells} - {"tyrogue"})]
    found = {(c["strategy"], c["pool"], c["library"]): c for c in cells if not c.get("forward")}

    def shown(cell: Json | None) -> str:
        if cell is None or "seconds_median" not in cell:
            skipped = "" if cell is None else str(cell["skipped"])
            return "" if skipped in ("", "has no such method", "not installed") else skipped
        return f"{cell['seconds_median']:.2f} s, {cell['peak_mb']:,.0f} MB"

    head = ["strategy", *(f"{library}, {pool:,}" for pool in pools for library in libraries)]
    rows = [[f"`{s}`", *(shown(found.get((s, p, lib))) for p in pools for lib in libraries)] for s in strategies]
    rows = [row for row in rows if any(row[1:])]
    lead = "## Acquisition functions, features ready\n\nMedian seconds and peak memory of the process."
    return f"{lead}\n\n{table(head, rows)}"


def forward(told: Json) -> str:
    rows = [
        [f"`{c['strategy']}`", f"{c['rows_inferred']:,}", f"{c['seconds_median']:.1f}", f"{c['peak_mb']:,.0f}"]
        if "seconds_median" in c
        else [f"`{c['strategy']}`", "", c["skipped"], ""]
        for c in told["figures"]["cells"]
    ]
    pool = told["figures"]["cells"][0]["pool"]
    return (
        f"## Acquisition functions with their forward passes, {pool:,} texts\n\n"
        + table(["strategy", "texts through the model", "seconds", "peak MB"], rows)
        + "\n\nOne acquisition each, of real texts; clusters are those of the model's own embeddings (`current`). "
        "ALPS needs another model and is left out."
    )


def wide(told: Json) -> str:
    cells = [c for c in told["figures"]["cells"] if c["library"] == "tyrogue"]
    rows = [[f"`{c['strategy']}`", f"{c['seconds_median']:.1f}", f"{c['peak_mb']:,.0f}"] for c in cells]
    size = f"{cells[0]['pool']:,} x {cells[0]['width']}, {cells[0]['classes']} classes"
    return f"## Memory of the strategies that see the whole pool\n\n{size}\n\n" + table(
        ["strategy", "seconds", "peak MB"], rows
    )


def cost(told: Json) -> str:
    figures = told["figures"]
    fits = figures["training_seconds"]
    return (
        f"## A whole session ({figures['data']}, {figures['pool']:,} texts, {figures['labels']} labels)\n\n"
        f"**{figures['minutes']:.1f} minutes** of {figures['threads']} threads: {figures['training_minutes']:.1f} of "
        f"training ({len(fits)} fits of the preset `product`, {min(fits.values()):.0f} to {max(fits.values()):.0f} s), "
        f"{figures['acquiring_minutes']:.1f} of choosing. Before: {figures['embedding_the_pool_minutes']:.1f} to embed "
        "the pool, once. When nothing else is to do, kinds of models are compared at "
        f"{', '.join(map(str, figures['compared_at']))} labels: another "
        f"{figures['comparing_in_idle_time_minutes_estimated']:.1f} minutes, estimated from the fits. "
        f"Macro-F1 at the end: {figures['macro_f1']:.3f}."
    )


def throughput(told: Json) -> str:
    figures = told["figures"]
    parts = ["## Throughput"]
    for name, speeds in figures.items():
        if name.endswith("_times") or not isinstance(speeds, dict) or "ours" not in speeds:
            continue
        times = figures.get(f"{name}_times", {})
        rows = [[variant, round(speed, 1), times.get(variant, "")] for variant, speed in speeds.items()]
        parts.append(f"### {name.replace('_', ' ')}\n\n{table(['', 'texts/s', 'ours is faster by'], rows)}")
    return "\n\n".join(parts)


def quantized(told: Json) -> str:
    figures = told["figures"]
    names = ("texts_per_second", "times_float32", "cosine_mean", "cosine_least")
    rows = [
        [f"ours, {figures['dtype_of_ours']}" if variant == "ours" else variant]
        + [figures[name][variant] for name in names]
        for variant in figures["texts_per_second"]
    ]
    head = ["", "texts/s", "times float32", "cosine with float32, mean", "least"]
    return (
        "## Embedding in eight bits\n\n"
        + table(head, rows)
        + "\n\nThe same texts in the same batches. Eight bits are faster where the CPU has instructions for them, and "
        "move the vectors: bfloat16 is what the product uses, and ONNX Runtime is not a dependency."
    )


def coverage(told: Json) -> str:
    figures = told["figures"]
    parts = {"endless stream, exact": figures["endless"]}
    parts |= {f"pool of {int(pool):,}, exact": found for pool, found in figures["pools"].items()}
    simulated = figures["simulated"]
    name = f"pool of {simulated['texts']:,}, through import and audit, {simulated['repeats']:,} times"
    rows = [
        [what, *(f"{one[key]:.1%}" for key in ("mean", "least"))] for what, one in {**parts, name: simulated}.items()
    ]
    shares = sorted({cell["share"] for cell in simulated["cells"]})
    sizes = sorted({cell["n"] for cell in simulated["cells"]})
    over = f"accuracies {', '.join(map(str, shares))} and {', '.join(map(str, sizes))} checks"
    f1 = ", ".join(f"{one['coverage']:.1%} with {one['n']}" for one in figures["macro_f1"])
    looped = table(
        ["pool", "strategy", "mean", "least", "checks minus truth, points"],
        [
            [
                f"{one['pool']:,}",
                f"`{one['strategy']}`",
                f"{one['mean']:.1%}",
                f"{one['least']:.1%}",
                one["bias_points"],
            ]
            for one in figures["loops"]
        ],
    )
    return (
        f"## Do the intervals hold the truth?\n\nCoverage of the 95% interval of the accuracy, over {over}.\n\n"
        + table(["", "mean", "least"], rows)
        + "\n\nThe truth is the accuracy on the whole pool. In the simulation the texts that the model gets wrong lie "
        f"together in the file.\n\nIn whole loops of {figures['loops'][0]['labels']} labels the truth is the accuracy "
        "on the texts that are left, neither labeled nor checked. A strategy takes hard texts away, so that in a small "
        f"pool what is left is easier than the checks:\n\n{looped}\n\nThe 90% bootstrap interval of macro-F1 (three "
        f"unequal classes) holds it in {f1} checks."
    )


def stopping(told: Json) -> str:
    """Gives the table of docs/labeling.md: how late each reason to stop comes true."""
    figures = told["figures"]
    n, datasets = len(figures["runs"]), sorted({run["dataset"] for run in figures["runs"]})
    rows = [
        [
            one["reason"],
            f"{one['came_true']} of {n}",
            "" if one["median_late"] is None else f"{one['median_late']:+.0f}",
            one["early_by_more_than_100"],
            one["within_100"],
            one["late_by_more_than_100"],
            "" if one["points_left_median"] is None else one["points_left_median"],
            "" if one["points_left_most"] is None else one["points_left_most"],
        ]
        for one in figures["reasons"]
    ]
    head = [
        "reason",
        "came true",
        "median late",
        "early > 100",
        "within 100",
        "late > 100",
        "left, median",
        "left, most",
    ]
    promised = [
        [f"{one['by']}, {one['datasets']}", one["n"], f"{one['held']:.0%}", one["error"], one["bias"], one["width"]]
        for one in figures["promises"]
    ]
    second = ["promise of the next 100 labels, by", "n", "interval held", "mean error", "bias", "width"]
    what = f"{', '.join(datasets)}; {figures['budget']} labels, linear model"
    lead = (
        f"{n} recorded runs of `{figures['strategy']}` ({what}), five checks with each batch of 50. "
        "*Late* is in labels, against the first number of labels after which macro-F1 on the test set gains less than "
        "half a point in the next 100 (the last label, where that never was); *left* is how many points of macro-F1 "
        "below the run's best one stopped."
    )
    between = (
        "In points of accuracy; the interval's factor was chosen on some of the datasets, the others were held out:"
    )
    return "\n\n".join([lead, table(head, rows), between, table(second, promised), where(told)])


def marked(text: str, name: str, body: str) -> str:
    """Gives the text with what stands between the marks of this name replaced."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, rest = text.split(start)
    return f"{before}{start}{body}\n{end}{rest.split(end)[1]}"


def labeling() -> str:
    """Gives docs/labeling.md with its table as the result file says it."""
    told = json.loads((RESULTS / "stopping.json").read_text())
    return marked(LABELING.read_text(encoding="utf-8"), "stopping", stopping(told))


def ahead_of_random() -> dict[str, str]:
    """Gives by strategy, in words, how far its learning curves lie above Random's in the grid `cpu`."""
    from tyrogue.experiments import compare, results
    from tyrogue.experiments.report.study import chapters

    chapter, *_ = chapters(results.read_all(CPU))
    scores, told = chapter.areas(), {}
    for arm in chapter.arms:
        found = compare.paired_bootstrap(scores, arm.title, "random", np.random.default_rng(0))
        if arm.title == "random" or found is None:
            continue
        datasets = len(compare.paired(scores, arm.title, "random"))
        interval = f"95% interval {100 * found.low:+.1f} to {100 * found.high:+.1f}, " if found.cells > datasets else ""
        told[arm.name] = (
            f"{100 * found.mean:+.1f} points of area under the macro-F1 curve beside `random` ({interval}"
            f"{found.cells} paired runs on {datasets} datasets, [frozen encoder and linear head](results.md))"
        )
    return told


def seconds_and_memory() -> dict[str, str]:
    """Gives by strategy, in words, what choosing 50 texts takes."""
    cells = json.loads((RESULTS / "acquisition.json").read_text())["figures"]["cells"]
    told: dict[str, list[str]] = {}
    for cell in cells:
        if cell["library"] == "tyrogue" and "seconds_median" in cell:
            size = f"{cell['seconds_median']:.2g} s and {cell['peak_mb']:,.0f} MB for {cell['pool']:,} texts"
            told.setdefault(cell["strategy"], []).append(size)
    where = "[features ready](performance.md#acquisition-functions-features-ready)"
    return {name: f"{', '.join(parts)} ({where})" for name, parts in told.items()}


def strategies() -> str:
    """Gives docs/strategies.md with what was measured of each strategy, as the result files say it."""
    speed, worth = seconds_and_memory(), ahead_of_random()
    lead, *entries = re.split(r"(?m)^(?=### `)", STRATEGIES.read_text(encoding="utf-8"))
    for i, entry in enumerate(entries):
        name = re.match(r"### `(\w+)`", entry)
        parts = [told[name[1]] for told in (speed, worth) if name and name[1] in told]
        without = re.sub(r"\*\*Measured\*\*: [^\n]*\n\n", "", entry)
        line = f"**Measured**: {'; '.join(parts)}.\n\n" if parts else ""
        use = re.search(r"\*\*Use it\*\*: .*?\n\n", without, re.DOTALL)
        at = use.end() if use else len(without)
        entries[i] = without[:at] + line + without[at:]
    return "".join([lead, *entries])


SECTIONS: dict[str, Callable[[Json], str]] = {
    "first_text": first_text,
    "session": session,
    "staleness": staleness,
    "load": load,
    "map": map_,
    "latency": latency,
    "current": current,
    "cost": cost,
    "throughput": throughput,
    "quantized": quantized,
    "kmeans": kmeans,
    "acquisition": acquisition,
    "acquisition_wide": wide,
    "acquisition_forward": forward,
    "coverage": coverage,
    "import": imported,
}


def page() -> str:
    """Gives the page as the result files say it."""
    parts = [LEAD]
    for name, section in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            told = json.loads(path.read_text())
            parts += [section(told), where(told)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    LABELING.write_text(labeling(), encoding="utf-8")
    STRATEGIES.write_text(strategies(), encoding="utf-8")

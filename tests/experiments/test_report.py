from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from tyrogue.errors import BadInput
from tyrogue.experiments import maps, metrics, results, scores
from tyrogue.experiments.plugins import fields_of
from tyrogue.experiments.report import (
    balance,
    markdown_report,
    published,
    recipes,
    style,
    sweeps,
    tables,
    warnings,
    wasted,
    write_report,
)
from tyrogue.experiments.report.study import Chapter, chapters
from tyrogue.experiments.results import writing
from tyrogue.experiments.simulate import Round, simulate
from tyrogue.protocols import Strategy
from tyrogue.strategies import Entropy, Random, Tyrogue

if TYPE_CHECKING:
    from tests.experiments.conftest import Toy

ARMS: dict[str, Strategy] = {
    "random": Random(),
    "entropy": Entropy(),
    "tyrogue": Tyrogue(candidates=150),
    "tyrogue ": Tyrogue(candidates=150, ratio=1),
}
MODEL: dict[str, Any] = {"name": "linear", "checkpoint": None, "recipe": None, "continue_training": False, "set": {}}


def config(kind: str, dataset: str, name: str, parameters: dict[str, Any], seed: int) -> dict[str, Any]:
    return {
        "format": 1,
        "grid": "test",
        "kind": kind,
        "dataset": {"name": dataset, "digest": f"digest of {dataset}", "classes": 3, "train": 300, "test": 120},
        "strategy": {"name": name, "label": name, "parameters": parameters},
        "model": MODEL,
        "mode": "cached",
        "start": "cold",
        "batch": 20,
        "budget": 100,
        "seed": seed,
        "commit": "abc",
        "machine": {"cpu": "a cpu", "cores": 2},
        "threads": 1,
        "versions": {"torch": "2"},
        "time": "2025-01-02T03",
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, toys: Callable[..., Toy]) -> Path:
    """Two datasets, four arms, two seeds (one arm of one dataset lacks a seed), a full run and a map of one."""
    out = tmp_path_factory.mktemp("results")
    for number, dataset in enumerate(("ag_news", "home")):
        toy = toys(seed=number)
        for seed in (0, 1):
            for name, strategy in ARMS.items():
                if (dataset, seed, name) != ("home", 1, "entropy"):
                    curve(out / f"{dataset}-{name}-{seed}.jsonl", toy, dataset, name.strip(), strategy, seed)
    full(out / "full.jsonl", toys(seed=0), "ag_news")
    return out


def curve(path: Path, toy: Toy, dataset: str, name: str, strategy: Strategy, seed: int) -> None:
    run = simulate(toy.task, strategy, toy.model, toy.embedder, batch=20, budget=100, seed=seed)
    with writing(path) as file:
        file.append(config("curve", dataset, name, fields_of(strategy), seed))
        for round in run.rounds:
            file.append(replace(round, redundancy={"effective_size": 10.0 + round.round}).line())
        file.append({"done": True, "seconds": 36.0})


def full(path: Path, toy: Toy, dataset: str) -> None:
    model, inputs = toy.model(), toy.task.train_inputs(toy.embedder)
    model.fit(inputs, toy.task.train.labels, seed=0)
    logits = model.infer(toy.task.test_inputs(toy.embedder)).logits
    seconds = {"acquire": 0, "draw": 0, "embed": 0, "infer": 0, "select": 0, "train": 1, "evaluate": 1}
    line = {"round": 0, "labeled": 300, "rows": [], **{f"{k}_seconds": v for k, v in seconds.items()}}
    line |= {"rows_embedded": 0, "rows_inferred": 0, "ratio": None, "model_version": "x"}
    picked = maps.picked_in(path.parent, f"digest of {dataset}", 0)
    drawn = maps.draw_map(toy.task, picked, lambda rows: model.features(inputs.take(rows)), seed=0, background=60)
    with writing(path) as file:
        file.append(config("map", dataset, "full", {}, 0))
        file.append({**line, **scores.evaluate(logits, toy.task.test.labels)})
        file.append({"done": True, "seconds": 2.0, "map": drawn.line()})


@pytest.fixture
def chapter(folder: Path) -> Chapter:
    (only,) = chapters(results.read_all(folder))
    return only


def cells(table: tables.Table) -> dict[str, dict[str, str]]:
    return {row[0]: dict(zip(table.columns[1:], row[1:], strict=True)) for row in table.rows}


def test_arms_are_told_apart_by_what_differs(chapter: Chapter) -> None:
    assert [arm.title for arm in chapter.arms] == ["random", "entropy", "tyrogue (ratio 3)", "tyrogue (ratio 1)"]
    colors = {style.style_of(arm.name, arm.variant).color for arm in chapter.arms}
    assert len(colors) == 4


def test_costs_are_computed_from_the_files(chapter: Chapter, folder: Path) -> None:
    record = results.read(folder / "ag_news-random-0.jsonl")
    other = results.read(folder / "ag_news-random-1.jsonl")
    assert record is not None
    assert other is not None
    bar = 0.95 * chapter.full["ag_news"][0]
    own = [metrics.sustained_cost(*r.curve(), bar).labels for r in (record, other)]
    shown = cells(tables.corrected_cost(chapter, 0.95))["random"]
    assert f"{np.mean(own):.0f}" in shown["ag_news"]
    assert shown["home"] == tables.NOTHING  # no full model, no bar


def test_the_papers_bar_is_of_its_own_full_f1(chapter: Chapter) -> None:
    table = tables.papers_bar(chapter, 0.85)
    assert table is not None
    assert table.columns[1:] == ("ag_news, 0.802",)
    found = cells(table)
    assert found["tyrogue, published"]["ag_news, 0.802"] == "190.0 ± 46.5"  # 140, and the first 50
    runs = chapter.records("ag_news", chapter.arms[0])
    costs = [metrics.sustained_cost(*run.curve(), 0.85 * published.full_f1()["ag_news"]).labels for run in runs]
    assert f"{np.mean(costs):.0f}" in found["random"]["ag_news, 0.802"]
    assert tables.papers_bar(replace(chapter, datasets=["home"]), 0.85) is None


def test_published_values_stand_beside_and_are_marked(chapter: Chapter) -> None:
    table = tables.labeling_cost(chapter, 0.85)
    assert cells(table)["tyrogue, published"] == {"ag_news": "140.0 ± 46.5", "home": tables.NOTHING}
    assert all("published" in table.rows[i][0] for i in table.published_rows)
    assert sum(row[0] == "tyrogue, published" for row in table.rows) == 1  # not again for each of its variants
    assert cells(tables.latency(chapter))["entropy, published"]["ag_news"] == "236.8 ± 0.5"


def test_the_papers_tables_are_read_whole() -> None:
    assert len(published.labeling_costs()) == 3 * 7 * 8
    assert published.labeling_costs()["ftbertkm", 85, "qqp"] is None
    assert published.candidate_costs()[5000, 85, "imdb"] == (180.0, 49.7)
    assert published.acquisition_seconds()["cal", "qqp"] == (1077.4, 4.1)
    assert published.full_f1()["paws_qqp"] == 0.79688


def test_areas_ranks_and_regret(chapter: Chapter) -> None:
    shown = cells(tables.areas(chapter))
    areas = {name: metrics.mean_interval([metrics.area(*r.curve()) for r in chapter.records("ag_news", arm)]).mean
             for name, arm in ((arm.title, arm) for arm in chapter.arms)}  # fmt: skip
    for name, area in areas.items():
        assert shown[name]["ag_news"] == f"{100 * area:.1f}"
    best = max(areas, key=lambda name: areas[name])
    assert (list(areas).index(best), 1) in tables.areas(chapter).best


def test_warnings_name_what_is_missing(chapter: Chapter) -> None:
    said = " ".join(warnings.of(chapter))
    assert "home: seeds are missing: entropy lacks 1" in said
    assert "No fully supervised model of home" in said
    assert "ag_news: seeds" not in said


def test_redundancy_is_told_against_random_and_against_the_gain(folder: Path) -> None:
    rng = np.random.default_rng(3)
    records = [
        replace(r, rounds=tuple(replace(n, redundancy={"effective_size": float(rng.uniform(5, 20))}) for n in r.rounds))
        for r in results.read_all(folder)
    ]
    (chapter,) = chapters(records)
    table = wasted.redundancy(chapter)
    assert table is not None
    assert table.columns == ("Strategy", "effective size")
    runs = {(d, a.title): chapter.records(d, a) for d in chapter.datasets for a in chapter.arms}

    def mean(dataset: str, title: str) -> float:
        return float(np.mean([n.redundancy["effective_size"] for r in runs[dataset, title] for n in r.rounds]))

    shown = {row[0]: row[1] for row in table.rows}
    shares = [mean(d, "entropy") / mean(d, "random") for d in chapter.datasets if runs[d, "entropy"]]
    assert shown["entropy"] == f"{np.mean(shares):.2f}"
    assert shown["random"] == "1.00"
    metric, gain = [], []
    for dataset in chapter.datasets:  # batch by batch, less the mean of its round
        every = [r for (d, _), of in runs.items() if d == dataset for r in of]
        for i in range(1, min(len(r.rounds) for r in every)):
            told = [r.rounds[i].redundancy["effective_size"] for r in every]
            gained = [r.rounds[i].macro_f1 - r.rounds[i - 1].macro_f1 for r in every]
            metric += [value - sum(told) / len(told) for value in told]
            gain += [value - sum(gained) / len(gained) for value in gained]
    assert shown["correlation with the gain in F1"] == f"{float(stats.pearsonr(metric, gain).statistic):+.2f}"
    assert wasted.redundancy(replace(chapter, arms=[a for a in chapter.arms if a.name != "random"])) is None


def test_a_map_that_lacks_picks_is_told(chapter: Chapter) -> None:
    assert "on the map" not in " ".join(warnings.of(chapter))
    drawn = maps.Map.parse(chapter.maps["ag_news"].done["map"])  # type: ignore[index]
    missing = int(np.setdiff1d(np.arange(300), drawn.rows)[0])
    arm = chapter.arms[0]
    first, *others = chapter.records("ag_news", arm)
    later = replace(first, rounds=(*first.rounds[:-1], replace(first.rounds[-1], rows=(missing,))))
    changed = replace(chapter, runs={**chapter.runs, ("ag_news", arm.title): [later, *others]})
    assert "ag_news: 1 of 81 texts that random picked are not on the map" in " ".join(warnings.of(changed))


def test_an_unfinished_run_is_left_out_and_told(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "ag_news-random-0.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "half.jsonl").write_bytes(b"".join(lines[:3]))
    (tmp_path / "whole.jsonl").write_bytes((folder / "ag_news-random-1.jsonl").read_bytes())
    (chapter,) = chapters(results.read_all(tmp_path))
    assert [len(records) for records in chapter.runs.values()] == [1]
    assert any("1 runs are not finished" in sentence and "half" in sentence for sentence in warnings.of(chapter))


def test_samples_of_a_dataset_are_not_averaged(folder: Path, tmp_path: Path) -> None:
    line, *rest = (folder / "ag_news-random-0.jsonl").read_bytes().split(b"\n")
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([line, *rest]))
    other = line.replace(b"digest of ag_news", b"another").replace(b'"train":300', b'"train":200')
    (tmp_path / "b.jsonl").write_bytes(b"\n".join([other, *rest]))
    (chapter,) = chapters(results.read_all(tmp_path))
    assert chapter.datasets == ["ag_news (300 / 120)", "ag_news (200 / 120)"]


def test_the_sweep_of_r(chapter: Chapter) -> None:
    table = sweeps.ratios(chapter)
    assert table is not None
    assert [row[0] for row in table.rows] == ["tyrogue (ratio 1)", "tyrogue (ratio 3)"]
    assert sweeps.candidates(chapter) is None


class Outside(HTMLParser):
    """Collects what a page would fetch, and its ids."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and value and not value.startswith(("#", "data:")):
                self.fetched.append(value)
            if name == "id" and value:
                self.ids.append(value)


@pytest.fixture(scope="module")
def written(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_report(folder, tmp_path_factory.mktemp("report") / "report.html")


def test_the_page_needs_nothing_else(written: list[Path]) -> None:
    text = written[0].read_text(encoding="utf-8")
    page = Outside()
    page.feed(text)
    assert page.fetched == []
    assert "script" not in page.tags
    assert len(page.ids) == len(set(page.ids))
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    assert used <= set(page.ids)
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(svg)
    for words in (
        "Learning curves",
        "Labeling cost",
        "Time to choose",
        "Redundancy",
        "What each method picks",
        "@media print",
    ):
        assert words in text


def test_every_figure_is_there_as_png(written: list[Path]) -> None:
    names = {path.stem.removeprefix("part-0-") for path in written[1:]}
    assert {
        "curves",
        "wins",
        "cost85",
        "cost90",
        "cost95",
        "latency",
        "ratio",
        "redundancy-effective-size",
        "map-ag-news",
    } == names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written[1:])


def test_the_same_results_give_the_same_page(folder: Path, written: list[Path], tmp_path: Path) -> None:
    again = write_report(folder, tmp_path / "report.html", pngs=False)
    assert again[0].read_bytes() == written[0].read_bytes()


def test_markdown_has_the_tables(folder: Path) -> None:
    text = markdown_report(folder)
    assert "| *tyrogue, published* | *140.0 ± 46.5* | *–* |" in text
    assert "entropy lacks 1" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no results.*tyrogue bench"):
        write_report(tmp_path, tmp_path / "report.html")


def test_a_map_survives_its_file(toy: Toy) -> None:
    rows = np.array([3, 50, 299])
    drawn = maps.draw_map(
        toy.task, rows, lambda r: np.asarray(toy.embedder.vectors[r], np.float32), seed=1, background=40
    )
    back = maps.Map.parse(drawn.line())
    assert np.isin(rows, back.rows).all()
    assert (back.labels == toy.task.train.labels[back.rows]).all()
    assert back.background.sum() == 40
    assert np.abs(back.xy - drawn.xy).max() < 1e-4
    assert len(back.at(np.array([3, 299]))) == 2
    round_trip = Round.parse  # a map is no round: results keep it on the last line only
    with pytest.raises((KeyError, TypeError)):
        round_trip({"map": drawn.line()})


def test_the_papers_own_setting_comes_first_and_has_the_published_values(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "ag_news-tyrogue-0.jsonl").read_bytes()
    for label, mode in ((b"tyrogue, cached", b"cached"), (b"tyrogue, current", b"current")):
        text = whole.replace(b'"label":"tyrogue"', b'"label":"' + label + b'"')
        text = text.replace(b'"mode":"cached"', b'"mode":"' + mode + b'"').replace(
            b'"candidates":150', b'"candidates":10000'
        )
        (tmp_path / f"{mode.decode()}.jsonl").write_bytes(text)
    (chapter,) = chapters(results.read_all(tmp_path))
    assert [(arm.title, arm.variant) for arm in chapter.arms] == [("tyrogue, current", 0), ("tyrogue, cached", 1)]


@pytest.fixture
def adaptive(tmp_path: Path, toys: Callable[..., Toy]) -> Path:
    """Fixed ratios, one that adapts itself and a rival on three datasets, two seeds; r = 1 of one seed is missing."""
    arms: dict[str, Strategy] = {
        "r = 1": Tyrogue(ratio=1),
        "r = 3": Tyrogue(),
        "auto": Tyrogue(ratio="auto"),
        "random": Random(),
    }
    for number, dataset in enumerate(("one", "tuned", "two")):
        for seed in (0, 1):
            for label, strategy in arms.items():
                if (dataset, seed, label) == ("two", 1, "r = 1"):
                    continue
                name = "random" if label == "random" else "tyrogue"
                path = tmp_path / f"{dataset}-{label}-{seed}.jsonl"
                curve(path, toys(seed=number), dataset, name, strategy, seed)
                lines = path.read_text().splitlines(keepends=True)
                path.write_text("".join([lines[0].replace(f'"label":"{name}"', f'"label":"{label}"'), *lines[1:]]))
    return tmp_path


def test_regret_to_the_best_fixed_ratio_is_its_formula(adaptive: Path) -> None:
    chapter = chapters(results.read_all(adaptive), ["tuned"])[0]
    made = balance.regret(chapter)
    assert made is not None
    assert made.columns == ("Strategy", "one", "two", "tuned*", "maximum", "mean", "mean rank", "seeds")
    area = {
        (r.config["strategy"]["label"], r.config["dataset"]["name"], r.config["seed"]): 100 * metrics.area(*r.curve())
        for r in results.read_all(adaptive)
    }

    def behind(label: str, dataset: str) -> float:
        gaps = []
        for rival in ("r = 1", "r = 3"):
            both = [s for s in (0, 1) if (rival, dataset, s) in area and (label, dataset, s) in area]
            gaps.append(np.mean([area[rival, dataset, s] - area[label, dataset, s] for s in both]))
        return float(max(gaps))

    for label, *cells in made.rows:
        told = [behind(label, dataset) for dataset in ("one", "two", "tuned")]
        assert [float(cell) for cell in cells[:3]] == pytest.approx(told, abs=0.006)
        assert [float(cell) for cell in cells[3:5]] == pytest.approx([max(told[:2]), np.mean(told[:2])], abs=0.006)
    assert {row[0]: row[-1] for row in made.rows} == {"auto": "2", "r = 3": "2", "r = 1": "1–2", "random": "2"}
    places = {row[0]: float(row[-2]) for row in made.rows}
    assert sum(places.values()) == pytest.approx(1 + 2 + 3 + 4)
    assert "Regret to the best fixed ratio" in markdown_report(adaptive, ["tuned"])


def test_no_such_table_where_no_ratio_adapts(folder: Path) -> None:
    assert all(balance.regret(chapter) is None for chapter in chapters(results.read_all(folder)))


def test_calibration_is_that_of_the_last_models(folder: Path) -> None:
    records = results.read_all(folder)
    made = tables.calibration(chapters(records)[0])
    last = {
        seed: 100 * r.rounds[-1].ece
        for r in records
        if r.config["kind"] == "curve" and r.config["strategy"]["name"] == "random"
        for seed in [r.config["seed"]]
        if r.config["dataset"]["name"] == "home"
    }
    row = next(row for row in made.rows if row[0] == "random")
    assert row[made.columns.index("home")] == tables.plus_minus(metrics.mean_interval(list(last.values())))


def test_folders_are_reported_together(adaptive: Path, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    apart.mkdir()
    for path in adaptive.glob("*-auto-*.jsonl"):
        path.rename(apart / path.name)
    assert "| auto |" not in markdown_report(adaptive)
    assert "| auto |" in markdown_report([adaptive, apart])


def test_a_run_counts_once_however_many_folders_hold_it(folder: Path, tmp_path: Path) -> None:
    key = b'"key":"shared"'
    for name in ("a", "b"):
        text = (folder / "ag_news-random-0.jsonl").read_bytes().replace(b'{"', b"{" + key + b',"', 1)
        (tmp_path / f"{name}.jsonl").write_bytes(text)
    (chapter,) = chapters(results.read_all(tmp_path))
    assert [len(records) for records in chapter.runs.values()] == [1]


def test_runs_of_another_batch_are_another_arm(folder: Path, tmp_path: Path) -> None:
    text = (folder / "ag_news-random-0.jsonl").read_bytes()
    (tmp_path / "a.jsonl").write_bytes(text)
    (tmp_path / "b.jsonl").write_bytes(text.replace(b'"batch":20', b'"batch":40', 1))
    (chapter,) = chapters(results.read_all(tmp_path))
    assert [arm.title for arm in chapter.arms] == ["random (batch 20)", "random (batch 40)"]


def test_the_published_definition_counts_labels_also_where_evaluations_are_rare(folder: Path, tmp_path: Path) -> None:
    record = results.read(folder / "ag_news-random-0.jsonl")
    assert record is not None
    some = replace(record, rounds=(replace(record.rounds[0], labeled=60, batches=(20, 20, 20)), *record.rounds[3:]))
    (chapter,) = chapters([some])
    chapter.full["ag_news"] = [0.001]  # a bar that the first evaluation passes
    assert chapter.published_costs("ag_news", chapter.arms[0], 0.85) == [40.0]


def test_a_parameter_that_a_strategy_has_got_since_makes_no_other_arm(folder: Path, tmp_path: Path) -> None:
    text = (folder / "ag_news-tyrogue-0.jsonl").read_text()
    line, rest = text.split("\n", 1)
    told = json.loads(line)
    told["strategy"]["parameters"] = {"ratio": 3, "representative": "nearest"}
    (tmp_path / "now.jsonl").write_text(json.dumps(told) + "\n" + rest)
    told["strategy"]["parameters"] = {"ratio": 3}
    (tmp_path / "before.jsonl").write_text(json.dumps(told) + "\n" + rest)
    (chapter,) = chapters(results.read_all(tmp_path))
    assert [arm.title for arm in chapter.arms] == ["tyrogue"]


def test_seconds_are_those_of_a_batch(folder: Path) -> None:
    record = results.read(folder / "ag_news-random-0.jsonl")
    assert record is not None
    first, second = record.rounds[:2]
    several = replace(second, acquire_seconds=6.0, batches=(20, 20, 20))
    (chapter,) = chapters([replace(record, rounds=(first, several))])
    assert chapter.seconds("ag_news", chapter.arms[0]) == [2.0]


def test_another_recipe_of_the_full_model_is_told(folder: Path) -> None:
    records = results.read_all(folder)
    assert chapters(records)[0].full_recipes == ()
    for record in records:
        record.config["model"]["label"] = "mine"
        if record.config["kind"] != "curve":
            record.config["model"] = {**record.config["model"], "recipe": "finetune", "set": {"epochs": 1}}
    (chapter,) = chapters(records)
    assert "Trained with the recipe finetune, epochs = 1." in tables.full_f1(chapter).note


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory, toys: Callable[..., Toy]) -> Path:
    """Two ways of training on what one model chose, two seeds; a third way lacks a seed; a curve of another kind."""
    out = tmp_path_factory.mktemp("ways")
    toy = toys(seed=0)
    for seed in (0, 1):
        for label in ("fine-tuned", "blurred", "worse")[: 3 - seed]:
            run = simulate(
                toy.task, Tyrogue(candidates=60), toy.model, toy.embedder, batch=20, budget=100, seed=seed,
                judged=toy.model, at={40},
            )  # fmt: skip
            told = config("curve", "ag_news", "tyrogue", {}, seed)
            told["model"] = MODEL | {"name": "transformer", "label": label, "acquired_by": "linear"}
            with writing(out / f"{label}-{seed}.jsonl") as file:
                file.append(told)
                for round in run.rounds:
                    lost = {"fine-tuned": 0.0, "blurred": 0.01 * (1 + seed), "worse": 0.1}[label]
                    file.append(replace(round, macro_f1=round.macro_f1 - lost).line())
                file.append({"done": True, "seconds": 36.0})
    curve(out / "other.jsonl", toy, "ag_news", "random", Random(), 0)
    return out


def test_ways_of_training_are_compared_on_the_same_labels(ways: Path) -> None:
    runs, others = recipes.split(results.read_all(ways))
    assert {title: len(records) for title, records in runs.items()} == {"fine-tuned": 2, "blurred": 2, "worse": 1}
    assert [r.config["strategy"]["name"] for r in others] == ["random"]
    reached, differences = recipes.tables(runs)
    assert reached.columns == ("Way of training", "ag_news, 40", "ag_news, 100", "mean")
    assert [row[0] for row in reached.rows] == ["fine-tuned", "blurred", "worse"]
    shown = {row[0]: row for row in differences.rows}
    assert differences.rows[0][0] == "fine-tuned"
    assert shown["blurred"][1] == "-1.50"
    assert shown["worse"][1] == "-10.00"
    assert shown["blurred"][-1] == "4"  # two numbers of labels, two seeds
    assert shown["worse"][-1] == "2"


def test_the_report_shows_them_before_the_chapters(ways: Path, tmp_path: Path) -> None:
    page, *_ = write_report(ways, tmp_path / "report.html", pngs=False)
    html = page.read_text(encoding="utf-8")
    assert html.index(recipes.TITLE) < html.index("Learning curves")
    text = markdown_report(ways)
    assert "blurred | -1.50" in text
    assert text.index(recipes.TITLE) < text.index("Area under")

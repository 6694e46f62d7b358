"""Documentation that cannot lie: commands, links, names and examples in it are checked."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tyrogue.cli import app
from tyrogue.strategies import STRATEGIES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
CLI_PAGE = ROOT / "docs" / "cli.md"


def commands() -> list[str]:
    return sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def cli_page() -> str:
    """Gives docs/cli.md as the commands' own help says it."""
    run = CliRunner(env={"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"})
    parts = ["# Command line", "Written by the commands' own `--help`; `make docs` writes it again."]
    for name in ["", *commands()]:
        told = run.invoke(app, [*([name] if name else []), "--help"], prog_name="tyrogue", terminal_width=100)
        lines = "\n".join(line.rstrip() for line in told.output.strip().splitlines())
        parts.append(f"## `{f'tyrogue {name}'.strip()}`\n\n```text\n{lines}\n```")
    return "\n\n".join(parts) + "\n"


def test_the_command_line_page_is_what_the_commands_say() -> None:
    assert CLI_PAGE.read_text(encoding="utf-8") == cli_page(), "run: make docs"


def test_every_command_is_told_of_outside_the_reference_too() -> None:
    told = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page != CLI_PAGE)
    missing = [name for name in commands() if f"tyrogue {name}" not in told and f"`{name}`" not in told]
    assert not missing


def test_every_strategy_has_an_entry() -> None:
    told = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    assert not [name for name in STRATEGIES if f"`{name}`" not in told]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_pages_exist(page: Path) -> None:
    known = set(commands())
    for name in re.findall(r"(?:^|\n)(?:    |\$ )?(?:\.venv/bin/)?tyrogue ([a-z]+)", page.read_text(encoding="utf-8")):
        assert name in known, name


def test_options_in_the_pages_exist() -> None:
    known = set(re.findall(r"--[a-z][a-z-]+", cli_page())) | {"--extra-index-url"}
    for page in (ROOT / "README.md", ROOT / "docs" / "labeling.md"):
        used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.read_text(encoding="utf-8")))
        assert used <= known, f"{page.name}: {sorted(used - known)}"


def test_the_performance_page_is_what_the_result_files_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    tables = import_module("tables")
    assert (ROOT / "docs" / "performance.md").read_text(encoding="utf-8") == tables.page(), "run: make docs"
    assert (ROOT / "docs" / "labeling.md").read_text(encoding="utf-8") == tables.labeling(), "run: make docs"


def test_the_tables_of_the_results_are_what_the_result_files_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert page.count("<!-- report ") > 9
    assert page == import_module("results_page").renewed(page), "run: make docs"


def test_the_make_targets_of_the_readme_exist() -> None:
    made = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"make (\w+)", (ROOT / "README.md").read_text()))
    assert told <= made


def test_the_changelog_knows_this_version() -> None:
    import tyrogue

    assert f"## {tyrogue.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_table_of_kmeans_is_what_the_result_files_say() -> None:
    found: dict[tuple[str, str], list[float]] = {}
    for file in (ROOT / "experiments" / "results" / "kmeans").glob("*.jsonl"):
        head, *rest = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        last = next(line for line in rest if line.get("labeled") == 500)
        found.setdefault((head["strategy"]["label"], head["dataset"]["name"]), []).append(last["macro_f1"])
    told = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    for variant in ("ours, 1 start", "scikit-learn, 1 start", "scikit-learn, 10 starts", "faiss", "fastkmeans"):
        ag_news, csabstruct = (found[variant, name] for name in ("ag_news", "csabstruct"))
        assert len(ag_news) == len(csabstruct) == 3
        assert f"| {variant} | {sum(ag_news) / 3:.3f} | {sum(csabstruct) / 3:.3f} |" in told


if __name__ == "__main__":
    CLI_PAGE.write_text(cli_page(), encoding="utf-8")

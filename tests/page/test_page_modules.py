"""The page's pure modules, tested where they run: in JavaScript, by Node's own test runner."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "src" / "tyrogue" / "labeling" / "static"


def node() -> str:
    found = shutil.which("node")
    if found is None:
        (pytest.fail if os.environ.get("TYROGUE_STRICT") == "1" else pytest.skip)("needs Node.js 20.19 or later")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = map(int, version.removeprefix("v").split(".")[:2])
    if (major, minor) < (20, 19):
        pytest.skip(
            f"needs Node.js 20.19 or later, which reads modules without a package.json; found {version.strip()}"
        )
    return found


@pytest.mark.parametrize("suite", sorted(HERE.glob("*.test.mjs")), ids=lambda path: path.name)
def test_modules(suite: Path) -> None:
    # Not `node --test`: it runs the file in a child, which would outlive a timeout.
    run = subprocess.run([node(), str(suite)], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^(#|ℹ) pass [1-9]", run.stdout, re.MULTILINE), "no test ran"


def scripts() -> list[Path]:
    return sorted([*STATIC.glob("*.js"), *STATIC.glob("panels/*.js"), *STATIC.glob("map/*.js")])


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.name)
def test_nothing_in_the_page_can_turn_text_into_markup(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    unsafe = (
        r"\.(innerHTML|outerHTML)\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(.style"
    )
    assert not re.search(unsafe, source)
    parsers = r"DOMParser|parseFromString|createContextualFragment|setHTML|parseHTML|srcdoc|<template|\"template\""
    assert script.name == "markup.js" or not re.search(parsers, source), "markup.js is the one place"
    assert len(source.splitlines()) < 300


def test_markup_is_made_of_the_guidelines_alone() -> None:
    call = r"(?<!function )sanitised\([^)]*\)"
    users = [script.name for script in scripts() if "markup.js" in script.read_text(encoding="utf-8")]
    calls = [line for script in scripts() for line in re.findall(call, script.read_text("utf-8"))]
    assert users == ["guidelines.js"]
    assert calls == ["sanitised(session.state.guidelines_html)"]


def test_the_page_needs_nothing_from_elsewhere() -> None:
    for file in [*scripts(), STATIC / "index.html", STATIC / "style.css", STATIC / "map.css", STATIC / "tour.css"]:
        source = file.read_text(encoding="utf-8")
        addresses = set(re.findall(r"https?://[^\s\"'`)]+", source))
        assert addresses <= {"http://www.w3.org/2000/svg"}, f"{file.name}: {addresses}"
        assert "@import url" not in source
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html), (
        "inline script or style: the policy forbids it"
    )


def test_every_import_of_the_page_exists() -> None:
    for script in scripts():
        for target in re.findall(
            r"^(?:import|export) .*?from \"(\.[^\"]+)\"", script.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert (script.parent / target).is_file(), f"{script.name} imports {target}"

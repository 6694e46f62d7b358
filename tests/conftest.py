"""Fixtures of all tests. What a machine may lack (data, browser, database) is skipped with a reason; with
TYROGUE_STRICT=1 it is a failure, so that continuous integration cannot pass by skipping."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")


def lacking(what: str) -> NoReturn:
    """Skips the test, or fails it where nothing may be lacking."""
    if os.environ.get("TYROGUE_STRICT") == "1":
        pytest.fail(f"{what} (TYROGUE_STRICT=1)", pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def datasets_dir() -> Path:
    """The folder of real datasets."""
    named = os.environ.get("TYROGUE_DATASETS")
    if not named or not Path(named).is_dir():
        lacking("TYROGUE_DATASETS names no folder of datasets")
    return Path(named)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless Chromium."""
    if not CHROMIUM.exists():
        lacking(f"{CHROMIUM} is not installed")
    from playwright.sync_api import sync_playwright

    quiet = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-sync", *quiet.split()]
        )
        yield browser
        browser.close()

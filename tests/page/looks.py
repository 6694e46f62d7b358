"""What tests of the page's looks measure with."""

from __future__ import annotations

from typing import Any

import pytest

WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}


def box(one: Any, selector: str) -> dict[str, float]:
    found = one.page.locator(selector).bounding_box()
    assert found is not None, f"{selector} is not to be seen"
    return dict(found)


def axe(one: Any) -> list[str]:
    checker = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    one.page.wait_for_timeout(350)  # colours in transition are measured wrongly
    found = checker.run(one.page).response["violations"]
    return [f"{v['impact']}: {v['id']}: {v['nodes'][0]['html'][:160]}" for v in found]

"""The rows that every strategy chooses on the toy pool, pinned: a change that moves them must say so.

Write them anew after such a change: TYROGUE_WRITE_GOLDEN=1 pytest tests/strategies/test_golden.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tyrogue.strategies import STRATEGIES
from tyrogue.testing.views import hostile

GOLDEN = Path(__file__).parent / "golden.json"


def _rows(name: str) -> dict[str, list[int]]:
    strategy = STRATEGIES[name]()
    answers = {}
    for fitted in (True, False) if strategy.cold_start else (True,):
        view = hostile("spread", fitted=fitted)
        answers["warm" if fitted else "cold"] = strategy.query(view, 6, np.random.default_rng(5)).rows[:6].tolist()
    return answers


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_chooses_what_it_chose(name: str) -> None:
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if os.environ.get("TYROGUE_WRITE_GOLDEN"):
        lines = [
            f" {json.dumps(key)}: {json.dumps(rows)}" for key, rows in sorted({**golden, name: _rows(name)}.items())
        ]
        GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
        pytest.skip("written")
    assert _rows(name) == golden[name]

"""Fixtures of the command line's tests."""

from __future__ import annotations

import pytest
from terminal import Terminal


@pytest.fixture
def tyrogue(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    """The command line."""
    monkeypatch.delenv("TYROGUE_DATABASE_URL", raising=False)
    return Terminal(monkeypatch, capfd)

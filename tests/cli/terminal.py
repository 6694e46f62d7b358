"""The command line in this process: what it prints, says, and ends with."""

from __future__ import annotations

import sys
from typing import NamedTuple

import pytest

from tyrogue.cli import main


class Told(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


class Terminal:
    """Runs commands as a shell would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capture = monkeypatch, capfd

    def __call__(self, *arguments: object) -> Told:
        self._monkeypatch.setattr(sys, "argv", ["tyrogue", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        told = self._capture.readouterr()
        return Told(code, told.out, told.err)

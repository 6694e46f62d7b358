"""How good the model is and whether to stop, as lines of a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
MARKS = {True: "yes", False: "no ", None: "?  "}


def judged(report: Json) -> Iterator[str]:
    """Gives the report of a project in lines; none before its first model was judged."""
    if report["model"] is None:
        return
    yield f"accuracy: {_accuracy(report['audit'])}"
    if report["audit"] and report["audit"]["macro_f1"]:
        yield "macro-F1: {value:.3f} (90% interval {low:.3f} to {high:.3f})".format(**report["audit"]["macro_f1"])
    yield "reasons to stop:"
    for reason in report["reasons"]:
        yield f"  {MARKS[reason['holds']]}  {reason['words']}"
    if report["outlook"]:
        yield report["outlook"]
    for warning in [*report["warnings"], *([report["drift"]] if (report["drift"] or {}).get("differs") else [])]:
        yield f"note: {warning['words']}"


def _accuracy(audit: Json | None) -> str:
    if audit is None:
        return "not known; no random check has been judged yet"
    told = f"{audit['n']} random checks ({audit['source']})"
    if not audit["enough"]:
        return f"not enough yet: {told}, {audit['needed']} are needed"
    return f"{audit['accuracy']:.1%} (95% interval {audit['low']:.1%} to {audit['high']:.1%}) on {told}"

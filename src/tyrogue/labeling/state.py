"""What the page shows beside the text, in a handful of statements.

The page asks once a second, for each window. What only a decision can change is counted once for each decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from tyrogue.corpus.project import Project
from tyrogue.labeling.plan import LIVE, Plan
from tyrogue.labeling.prose import to_html
from tyrogue.labeling.report import JUDGEMENT
from tyrogue.store import Class, Counts, Model, Round, Store

TRAINER_IS_LOST_SECONDS = 10.0
FEW_LABELS = 5
SHOWN = ("guidelines", "autopilot", "language", "cut", "max_tokens", "balance", "tiers")
"""Settings that the page shows, beside those that it changes."""
CROSS_VALIDATED = (
    "Cross-validated on the labels themselves, with a linear model. Queried labels are harder than average texts, so "
    "the accuracy on your texts is usually higher."
)

Json = dict[str, Any]


class State:
    """Where a project stands.

    Args:
        project: its texts and fixed settings.
        store: its journal and queue.
    """

    def __init__(self, project: Project, store: Store) -> None:
        self.project, self.store = project, store
        self.has_gold, self.pair = project.corpus.has_gold, project.corpus.pair
        self._counted: tuple[tuple[int, date], Counts, list[Class]] | None = None

    def of(self, annotator: str) -> Json:
        """Gives everything, as this annotator sees it."""
        position = self.store.journal_position()
        counts, classes = self.counted(position)
        models = self.store.models()
        told = self.store.settings([*LIVE, *SHOWN, JUDGEMENT, *(_curve_of(model) for model in models)])
        plan, model = Plan.of(self.project.settings, told), models[-1] if models else None
        return {
            "project": self.project.name,
            "project_id": self.project.key,
            "total": len(self.project.corpus),
            "labeled": counts.labeled,
            "skipped": counts.skipped,
            "flagged": counts.flagged,
            "today": counts.today,
            "classes": [_class(c) for c in classes],
            "pair": self.pair,
            "guidelines": (guidelines := told.get("guidelines", "")),
            "guidelines_html": to_html(guidelines),
            "round": _round(self.store.current_round()),
            "queue": {"ready": self.store.ready()},
            "model": None if model is None else of_model(model),
            "trainer": trainer(self.store),
            "pace_seconds": self.store.pace(annotator) or self.store.pace(),
            "curve": _curve(models, told),
            "audit": _audit(model, told.get(JUDGEMENT)),
            "judged": _judged(told.get(JUDGEMENT)),
            "warnings": _warnings(classes, counts.labeled, told),
            "settings": {name: getattr(plan, name) for name in LIVE},
            "balance": told.get("balance") if plan.ratio == "auto" else None,
            "tiers": told.get("tiers"),
            "autopilot": {"available": self.has_gold, **told.get("autopilot", {"on": False})},
            "journal": position,
        }

    def counted(self, position: int) -> tuple[Counts, list[Class]]:
        """Gives counts and classes as of this position of the journal."""
        key, known = (position, date.today()), self._counted
        if known is None or known[0] != key:
            known = self._counted = key, self.store.counts(), self.store.classes()
        return known[1], known[2]


def of_model(model: Model) -> Json:
    """Gives what the page tells of a model."""
    age = (datetime.now(UTC) - model.created).total_seconds()
    return {
        "version": model.version,
        "kind": model.kind,
        "labels": model.labels,
        "age_seconds": round(max(age, 0.0), 1),
        "train_seconds": round(model.train_seconds, 2),
    }


def trainer(store: Store) -> Json:
    """Gives what the trainer does, and whether it is alive."""
    status = store.status("trainer")
    if status is None:
        return {"alive": False, "phase": "starting", "progress": None, "message": "Starting", "error": None}
    told, age = status
    alive = age < TRAINER_IS_LOST_SECONDS and told.get("phase") != "stopped"
    return {name: told.get(name) for name in ("phase", "progress", "message", "error")} | {"alive": alive}


def _round(last: Round | None) -> Json | None:
    if last is None:
        return None
    return {name: getattr(last, name) for name in ("number", "size", "answered", "strategy", "ratio")}


def _class(c: Class) -> Json:
    return {name: getattr(c, name) for name in ("id", "name", "position", "labeled", "merged_into", "active")}


def _curve_of(model: Model) -> str:
    return f"curve/{model.version}"


def _curve(models: Sequence[Model], told: Mapping[str, Any]) -> Json:
    points = [told[key] for model in models if (key := _curve_of(model)) in told]
    source = points[-1]["source"] if points else "none"
    note = CROSS_VALIDATED if source == "cross-validated" else ""
    same = [point for point in points if point["source"] == source]
    return {"source": source, "metric": "macro_f1", "points": same, "note": note}


def _audit(model: Model | None, report: Json | None) -> Json | None:
    """The accuracy of the newest model on random checks: the report's, or what was known when it was trained."""
    if model is None:
        return None
    written = report is not None and report["model"] == model.version
    found: Json | None = report["audit"] if report is not None and written else model.metrics.get("audit")
    return None if found is None else {name: found[name] for name in ("n", "correct", "accuracy", "low", "high")}


def _judged(report: Json | None) -> str | None:
    """Names the report, so that the page reads it again when it has changed."""
    return None if report is None else f"{report['model']}/{report['journal']}/{report['promoted']}"


def _warnings(classes: Sequence[Class], labeled: int, told: Mapping[str, Any]) -> list[str]:
    active = [c for c in classes if c.active]
    if len(active) < 2:
        return ["There is one class or none: add the classes to choose from (key c)."]
    notes = [told["language"]] if told.get("language") else []
    if cut := told.get("cut", 0):
        notes.append(
            f"{cut:,} texts are longer than the {told.get('max_tokens')} tokens that the model reads; it sees their "
            "beginning."
        )
    few = [c for c in active if c.labeled < FEW_LABELS] if labeled >= 20 else []
    report = told.get(JUDGEMENT) or {"warnings": []}
    notes += [one["words"] for one in report["warnings"]]
    return notes + [
        f"Class '{c.name}' has {c.labeled} label{'' if c.labeled == 1 else 's'}: search for examples of it (key /)."
        for c in few
    ]

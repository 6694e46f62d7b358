"""The four verbs behind every way of labeling: next, submit, undo, state. The page, the CLI and bridges use them.

Nothing here waits for a model: a call is a few statements on the store and some texts from the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tyrogue.corpus.project import Project
from tyrogue.corpus.records import Record
from tyrogue.errors import Conflict, UsageError
from tyrogue.labeling.plan import LIVE, Plan
from tyrogue.labeling.preview import previews, want
from tyrogue.labeling.regions import Regions
from tyrogue.labeling.state import State, of_model, trainer
from tyrogue.store import Annotation, Item, Model, Store

LONGEST_TEXT = 20_000
"""Characters of a text that travel with its item; the rest on request."""

Json = dict[str, Any]


class Engine:
    """Labeling of one project.

    Args:
        project: its texts and fixed settings.
        store: its journal and queue.
    """

    def __init__(self, project: Project, store: Store) -> None:
        self.project, self.store = project, store
        self._state = State(project, store)
        self.regions = Regions(project, store)

    @property
    def plan(self) -> Plan:
        return Plan.current(self.project, self.store)

    # The four verbs

    def next(self, n: int, annotator: str = "me") -> Json:
        """Gives up to n items, reserved for this annotator; the same ones first when asked again."""
        if not 1 <= n <= 100:
            raise UsageError(f"{n} items were asked for; 1 to 100 can be reserved at a time.")
        items = self.store.reserve(annotator, n)
        return {"items": self.items(items), "reason": None if items else self._why_empty()}

    def submit(
        self,
        *,
        token: str,
        item: int,
        action: str,
        class_id: int | None = None,
        note: str | None = None,
        seconds: float | None = None,
        also: Sequence[int] | None = None,
        annotator: str = "me",
    ) -> tuple[Json, bool]:
        """Records a decision durably; whether it is new (the same token records once).

        Args:
            also: rows that get the same label, each in a record of its own; undo takes all of it back together.
        """
        if also and action != "label":
            raise UsageError(f"Copies can be labeled together, not sent along with a {action}.")
        known = self.store.annotation_of(token)
        annotation = known or self.store.annotate(
            token=token, item=item, annotator=annotator, action=action, class_id=class_id, note=note, seconds=seconds
        )
        copies = self.regions.label(also, class_id, token=token, annotator=annotator) if also else []
        return self._receipt(annotation) | ({"also": copies} if also else {}), known is None

    def undo(self, *, token: str, annotator: str = "me", expected: str | None = None) -> Json | None:
        """Takes the annotator's last decision back; None when there is none.

        Args:
            expected: the token of the decision that has to be the last; Conflict when it is another.
        """
        undone = self.store.undo(token=token, annotator=annotator, expected=expected)
        if undone is None:
            return None
        annotation, item = undone
        return {
            "undone": self._receipt(annotation),
            "item": self.items([item], label=annotation.class_id)[0],
            "together": self.store.taken_back(token),
        }

    def adjudicate(
        self, row: int, class_id: int, *, token: str, annotator: str = "me", note: str | None = None
    ) -> Json:
        """Settles the label of a row that annotators disagree about, or any other that was asked about."""
        return self._receipt(self.store.adjudicate(row, class_id, token=token, annotator=annotator, note=note))

    def state(self, annotator: str = "me") -> Json:
        """Gives everything that the page shows beside the text."""
        return self._state.of(annotator)

    @property
    def has_gold(self) -> bool:
        """Whether any text came with a label."""
        return self._state.has_gold

    # Around them

    def items(self, items: Sequence[Item], *, label: int | None = None) -> list[Json]:
        """Gives queue items as the page takes them."""
        records = self.project.corpus.records([item.row for item in items])
        versions = {model.version: model for model in self.store.models()} if items else {}
        tokens = self.project.corpus.token_lengths([item.row for item in items])
        told = self.store.settings([*LIVE, "max_tokens"])
        show, most = Plan.of(self.project.settings, told).suggestions, told.get("max_tokens", 512)
        return [
            self._item(item, record, versions.get(item.model_version or ""), show=show, cut=int(n) > most, label=label)
            for item, record, n in zip(items, records, tokens, strict=True)
        ]

    def annotations(self, *, limit: int, before: int | None, annotator: str | None = None) -> Json:
        """Gives what was decided, newest first."""
        found = self.store.annotations(limit=limit + 1, before=before, annotator=annotator)
        records = self.project.corpus.records([a.row for a in found])
        shown = [_told(a) | {"text": _short(r.text), "undone": a.undone} for a, r in zip(found, records, strict=True)]
        return {"annotations": shown[:limit], "more": len(found) > limit}

    def row(self, row: int) -> Json:
        """Gives one text whole."""
        if not 0 <= row < len(self.project.corpus):
            raise UsageError(f"Row {row} is not in this project; it has rows 0 to {len(self.project.corpus) - 1}.")
        record = self.project.corpus.record(row)
        return {
            "row": row,
            "external_id": record.id,
            "text": record.text,
            "text_pair": record.text_pair,
            "meta": record.meta,
            "label": self.store.label_of(row),
        }

    def search(self, query: str, limit: int) -> Json:
        """Gives texts that hold all these words."""
        rows, total = self.project.corpus.search(query, limit)
        records = self.project.corpus.records(rows)
        return {
            "rows": [{"row": r.row, "text": _short(r.text), "label": self.store.label_of(r.row)} for r in records],
            "total": total,
        }

    def push(self, row: int, annotator: str = "me", kind: str = "search") -> Json:
        """Puts one text first in the queue."""
        self.row(row)
        return self.items([self.store.push(row, kind, annotator=annotator)])[0]

    def preview(self, ratios: Sequence[int]) -> Json | None:
        """Gives what the next batch would be at these ratios; None while the trainer prepares it."""
        plan, asked = self.plan, sorted(set(ratios))
        if not plan.has_dial:
            raise Conflict(f"The strategy {plan.strategy!r} has no dial: there is nothing to preview.")
        want(self.store, asked)
        found = previews(self.store, plan, asked)
        if found is None:
            return None
        rows = sorted({one["row"] for batch in found.values() for one in batch})
        seen = set(self.store.seen(rows))
        text = {record.row: _short(record.text) for record in self.project.corpus.records(rows)}
        return {
            "previews": [
                {"ratio": ratio, "rows": [one | {"text": text[one["row"]]} for one in batch if one["row"] not in seen]}
                for ratio, batch in found.items()
            ]
        }

    def change(self, **settings: Any) -> Json:
        """Changes live settings; all of them or, when one makes no sense, none."""
        unknown = settings.keys() - set(LIVE)
        if unknown:
            raise UsageError(
                f"{', '.join(sorted(unknown))} cannot be changed while labeling; only {', '.join(LIVE)} can."
            )
        plan = self.plan.changed(**settings)
        plan.make_strategy()
        for name, value in settings.items():
            self.store.set(name, value)
        return {name: getattr(plan, name) for name in LIVE}

    # Parts of the answers

    def _item(
        self, item: Item, record: Record, model: Model | None, *, show: bool, cut: bool, label: int | None
    ) -> Json:
        probabilities = None if item.blind else _probabilities(item, model)
        return {
            "id": item.id,
            "row": item.row,
            "external_id": record.id,
            "text": record.text[:LONGEST_TEXT],
            "text_pair": None if record.text_pair is None else record.text_pair[:LONGEST_TEXT],
            "text_length": len(record.text),
            "cut": cut,
            "meta": record.meta,
            "kind": item.kind,
            "round": item.round,
            "position": item.position,
            "suggestion": probabilities[0] if probabilities and show else None,
            "probabilities": probabilities if show else None,
            "model": None if model is None else of_model(model),
            "facts": dict(item.facts) | ({} if item.score is None else {"score": item.score}),
            "copies": self.project.corpus.copies(item.row),
            "label": label,
            "reserved_until": None if item.reserved_until is None else item.reserved_until.isoformat(),
        }

    def _receipt(self, annotation: Annotation) -> Json:
        return _told(annotation) | {"labeled": self.store.labeled()}

    def _why_empty(self) -> str:
        known, _ = self._state.counted(self.store.journal_position())
        if known.labeled + known.skipped >= len(self.project.corpus):
            return "done"
        told = trainer(self.store)
        resting = told["alive"] and told["phase"] == "waiting"
        return "done" if resting and self.store.get("exhausted", False) else "preparing"


def _told(annotation: Annotation) -> Json:
    return {
        "id": annotation.id,
        "item": annotation.item,
        "row": annotation.row,
        "action": annotation.action,
        "class_id": annotation.class_id,
        "note": annotation.note,
        "annotator": annotation.annotator,
        "created": annotation.created.isoformat(),
    }


def _probabilities(item: Item, model: Model | None) -> list[Json] | None:
    if item.probabilities is None or model is None:
        return None
    pairs = zip(model.class_ids, item.probabilities, strict=False)
    ranked = sorted(pairs, key=lambda pair: -pair[1])
    return [{"class_id": class_id, "probability": round(float(p), 4)} for class_id, p in ranked]


def _short(text: str, length: int = 280) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"

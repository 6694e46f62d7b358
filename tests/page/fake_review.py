"""The report and the review of the fake server: book-keeping of its own, over the fake project's journal."""

from __future__ import annotations

from typing import Any

from fake_project import Problem, Project

Json = dict[str, Any]
Answer = tuple[int, Json]

SHARE = {"n": 14, "correct": 12, "value": 12 / 14, "low": 0.6, "high": 0.96}


class Review:
    """Labels listed and looked at again."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.promoted = False
        self.notes: dict[int, str] = {}

    def judgement(self, body: Json, query: dict[str, str]) -> Answer:
        classes = [
            {"class_id": one["id"], "checks": 14 - 4 * place, "found": SHARE if place == 0 else None, "right": SHARE}
            for place, one in enumerate(self.project.active())
        ]
        audit = {
            "source": "cross-fitted" if self.promoted else "independent", "n": 44, "correct": 36, "accuracy": 36 / 44,
            "low": 0.68, "high": 0.905, "enough": True, "needed": 30, "majority": 0.31,
            "macro_f1": {"value": 0.79, "low": 0.7, "high": 0.87, "confidence": 0.9}, "classes": classes,
        }  # fmt: skip
        reasons = [
            {"name": "stable", "holds": True, "words": "Predictions are stable: kappa 0.97, 0.98, 0.98."},
            {"name": "sure", "holds": False, "words": "The model is still in doubt: 27% of the largest uncertainty."},
            {"name": "flat", "holds": None, "words": "Is the curve flat? Not enough yet."},
        ]
        return 200, {
            "model": "m1", "labels": 150, "journal": len(self.project.journal), "promoted": self.promoted,
            "audit": audit, "reasons": reasons, "gain": {"labels": 50, "expected": 0.004}, "warnings": [],
            "drift": {"differs": True, "words": "'World' is 48% of the labels and 25% of the random checks."},
            "suspects": 1,
            "outlook": "The next 50 labels are likely worth +0.4 points (−0.2 to +1.0), about 3 minutes at your pace.",
            "promotion": {"on": self.promoted, "cost": "No independent accuracy any more.",
                          "record": [{"on": True, "audit": audit}] if self.promoted else []},
        }  # fmt: skip

    def promote(self, body: Json, query: dict[str, str]) -> Answer:
        self.promoted = body["on"]
        return self.judgement(body, query)

    def labels(self, body: Json, query: dict[str, str]) -> Answer:
        live = self.project.live().values()
        rows = [note["item"] for note in reversed(self.project.journal) if note in live]
        wanted = [row for row in dict.fromkeys(rows) if self._fits(self._label(row), query)]
        start, limit = int(query.get("after", 0)), int(query["limit"])
        more = str(start + limit) if len(wanted) > start + limit else None
        return 200, {"labels": [self._label(row) for row in wanted[start : start + limit]], "next": more}

    def _fits(self, label: Json, query: dict[str, str]) -> bool:
        only = query.get("only")
        return (
            label["class_id"] == int(query.get("class_id", label["class_id"] or 0))
            and query.get("q", "").lower() in label["text"].lower()
            and (only is None or bool(label[only]))
            and ("suspected" not in query or label["suspect"] is not None)
            and query.get("kind", label["kind"]) == label["kind"]
        )

    def _label(self, row: int) -> Json:
        note = self.project.live()[row]
        looks = [one for one in self.project.journal if one["item"] == row and not one["undone"]]
        reviewed = any(one["kind"] == "review" and not one["aside"] for one in looks)
        flagged = bool(looks) and looks[-1]["aside"]
        return {
            "row": row, "text": self.project.texts[row][:400], "text_pair": None, "class_id": note["class_id"],
            "kind": "reference" if row % 10 == 8 else "query", "annotator": "me", "created": note["created"],
            "model_version": "m1", "round": 0, "note": self.notes.get(row), "flagged": flagged,
            "skipped": note["action"] == "skip", "disputed": False, "reviewed": reviewed,
            "suspect": {"class_id": 2, "probability": 0.93} if row == 0 and not reviewed else None,
        }  # fmt: skip

    def item(self, body: Json, query: dict[str, str], row: int) -> Answer:
        said = [note for note in self.project.journal if note["item"] == row]
        history = [{**note, "kind": "query", "model_version": "m1", "undoes": None} for note in said]
        text = self.project.texts[row]
        return 200, {"row": row, "external_id": None, "text": text, "text_pair": None, "label": 0, "history": history}

    def decide(self, body: Json, query: dict[str, str], row: int) -> Answer:
        if row not in self.project.live():
            raise Problem(422, f"Nothing was decided about row {row} yet.")
        if self.project.fake["fail"] == "refuse":
            raise Problem(409, "This class was merged away.")
        answer: Answer = self.project.once(body["token"], lambda: self._look(row, body), 201)
        return answer

    def _look(self, row: int, body: Json) -> Json:
        if body["action"] == "note":
            self.notes[row] = body["note"]
        else:  # a flag leaves the label as it is
            aside = {"aside": body["action"] == "flag", "kind": "review"}
            self.project.annotate({"item": row, "class_id": None, **body, **aside})
        return {"id": len(self.project.journal), **self._label(row), "labeled": self.project.count("label")}

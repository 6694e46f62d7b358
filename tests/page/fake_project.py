"""A project in memory: the book-keeping behind fake_server.py, written apart from the product's."""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from threading import RLock
from typing import Any

Json = dict[str, Any]

SUBJECTS = ["The central bank", "A small town in Norway", "The visiting side", "Researchers in Kyoto", "The ministry"]
VERBS = ["surprised everyone on Friday by", "is thinking aloud about", "has quietly finished", "denied all reports of"]
OBJECTS = [
    "a new kind of battery that charges in the cold.",
    "cutting its forecast for the year.",
    "the final in extra time.",
]
XSS = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> <b>not bold</b> & \"quoted\""
)
LONG = "\n\n".join(
    f"{n}. The report goes on, as reports do, with a paragraph about nothing in particular. " * 4 for n in range(90)
)
ODD = [
    XSS,
    "هذا نص عربي من اليمين إلى اليسار، وفيه كلمة English في الوسط.\nوسطر ثانٍ 123.",
    LONG,
    "First line\n    indented second line\n\nafter an empty line: 🎉 naïve café \u202eevil\u202c end",
    "x" * 400,
]


def make_texts(n: int) -> list[str]:
    plain = [f"{s} {v} {o}" for o in OBJECTS for v in VERBS for s in SUBJECTS]
    texts = [plain[0], plain[21], *ODD, *plain[1:21], *plain[22:]]
    return [f"{texts[i % len(texts)]}{'' if i < len(texts) else f' ({i})'}" for i in range(n)]


GUIDELINES = (
    "# What counts\n\n**World** is politics between states.\n\n- a match is *Sports*\n\n[the notes](https://example.org)",
    """<h3>What counts</h3><p><strong>World</strong> is politics between states.</p>
<ul><li>a match is <em>Sports</em></li></ul>
<p><a href="https://example.org" target="_blank" rel="noopener noreferrer">the notes</a></p>""",
)
AUDIT = {"n": 34, "correct": 28, "accuracy": 28 / 34, "low": 0.665, "high": 0.917}


class Problem(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Project:
    """The book-keeping. One lock; correctness before speed."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        names = ["World", "Sports", "Business", "Sci/Tech"]
        names = [f"class {i:03d}" for i in range(options.classes)] if options.classes != 4 else names
        self.classes: list[Json] = [{"id": i, "name": name, "merged_into": None} for i, name in enumerate(names)]
        self.texts = make_texts(options.texts)
        self.order = list(range(len(self.texts)))
        self.journal: list[Json] = []
        self.answers: dict[str, tuple[int, Json]] = {}
        self.guidelines, self.guidelines_html = GUIDELINES
        self.settings: Json = {"suggestions": True, "batch": 50, "ratio": 3}
        self.fake: Json = {"latency": 0.0, "fail": "none", "preparing": options.preparing, "trainer_error": None}
        self.fake |= {"later": 0, "grown": False}
        self.autopilot = {"available": options.autopilot or options.demo, "on": False}
        self.seen_tokens: list[str] = []
        self.started = time.monotonic()
        self.lock = RLock()

    def balance(self) -> Json | None:
        chosen = {"ratio": 4, "alignment": 0.8, "unexplored": 0.5}
        return chosen if self.settings["ratio"] == "auto" else None

    def live(self) -> dict[int, Json]:
        return {note["item"]: note for note in self.journal if not (note["undone"] or note["aside"])}

    def open_rows(self) -> list[int]:
        decided = self.live()
        return [row for row in self.order if row not in decided]

    def model(self) -> Json | None:
        n = len(self.live()) // 10 * 10
        if self.options.no_model and not n:
            return None
        return {
            "version": f"m{n // 10 + 1}-ab12",
            "age_seconds": 12.0 + time.monotonic() - self.started,
            "labels": 40 + n,
        }

    def item(self, row: int) -> Json:
        text = self.texts[row]
        active = self.active()
        reference = self.check(row)
        first = [
            {"class_id": one["id"], "probability": p}
            for one, p in zip(active[row % 2 :], [0.62, 0.21, 0.12], strict=False)
        ]
        shown = bool(first) and not reference and self.settings["suggestions"] and self.model() is not None
        before = [note["class_id"] for note in self.journal if note["item"] == row and note["undone"]]
        return {
            "id": row, "row": row, "external_id": f"doc-{row}", "text": text[:20_000],
            "text_pair": f"Is it true that {text[:60]}?" if self.options.pairs else None,
            "text_length": len(text),
            "cut": len(text) > 2_000, "meta": {"source": "wire", "length": len(text)},
            "kind": "reference" if reference else "query", "round": len(self.live()) // 50, "position": row % 50,
            "suggestion": first[0] if shown else None, "probabilities": first if shown else None, "model": self.model(),
            "facts": {"step": "uncertain", "cluster": 12, "cluster_size": 214, "score": 0.69, "drawn": 10_000,
                      **({"near": [60, 61, 62]} if row == 0 and self.options.copies else {})},
            "copies": 3 if row == 1 else 0, "label": before[-1] if before else None,
            "reserved_until": (datetime.now(UTC) + timedelta(minutes=10)).isoformat(),
        }  # fmt: skip

    def beginnings(self, rows: str) -> list[Json]:
        live = self.live()
        return [
            {
                "row": row,
                "text": self.texts[row][:280],
                "text_pair": None,
                "class_id": live[row]["class_id"] if row in live else None,
            }
            for row in map(int, rows.split(","))
        ]

    def why(self, row: int) -> Json:
        likely = [one | {"similarity": 0.9} for one in self.beginnings("3,4,5")]
        return {
            "id": row, "row": row, "kind": "query", "blind": False,
            "funnel": {"pool": 100_000, "drawn": 10_000, "kept": 150, "asked": 50, "strategy": "tyrogue", "ratio": 3},
            "cluster": {"size": 214, "texts": likely}, "near": likely[:2], "near_count": 2,
            "nearest": [one | {"class_id": n} for n, one in enumerate(likely)],
        }  # fmt: skip

    def map(self, known: str | None) -> Json:
        """Texts on a grid of eight columns, or in clouds. The last `fake["later"]` of them come with version 2, when
        it is `fake["grown"]`."""
        n, early = len(self.texts), len(self.texts) - self.fake["later"]
        version = self.map_version()
        if known == str(version):
            return {"status": "unchanged", "version": version}
        grown = {"since": 1} if known == "1" else {}
        rows = list(range(early if grown else 0, n if version == 2 else early))
        places = [self.places[row] for row in rows]
        told = {"status": "ready", "version": version, "method": "tsne", "scale": 10_000, "rows": rows, **grown}
        return told | {"x": [x for x, _ in places], "y": [y for _, y in places]}

    def map_version(self) -> int:
        return 2 if self.fake["grown"] else 1

    @cached_property
    def places(self) -> list[tuple[int, int]]:
        rows, chance = range(len(self.texts)), random.Random(0)
        if not self.options.clouds:
            return [(500 + row % 8 * 1000, 500 + row // 8 * 1000) for row in rows]

        def near(middle: float, size: int) -> int:
            return max(0, min(10_000, round(5_000 + 3_500 * middle + chance.gauss(0, size))))

        angles = [(row % 12 * math.pi / 6, 400 + row % 12 * 50) for row in rows]
        return [(near(math.cos(angle), size), near(math.sin(angle), size)) for angle, size in angles]

    def check(self, row: int) -> bool:
        """Whether a text is a blind check; in clouds, which are for looks, none is."""
        return row % 10 == 8 and not self.options.clouds

    def marks(self) -> Json:
        live = [note for note in self.live().values() if note["action"] == "label"]
        rows, ids = [note["item"] for note in live], [self.target(note["class_id"]) for note in live]
        waiting = self.open_rows()
        queued = [row for row in waiting[:10] if not self.check(row)]
        return {"journal": len(self.journal), "rows": rows, "class_ids": ids, "rounds": [0] * len(live),
                "mine": queued[:5], "waiting": queued[5:], "audit": [row for row in rows if self.check(row)],
                "hidden": [row for row in waiting if self.check(row)]}  # fmt: skip

    def opinions(self) -> Json:
        model, rows = self.model(), range(len(self.texts))
        if not self.settings["suggestions"]:
            return {"status": "hidden"}
        if model is None:
            return {"status": "preparing"}
        told = {"status": "ready", "model": model["version"], "version": self.map_version(), "stands_in": False}
        return told | {"class_ids": [row % 4 for row in rows], "entropy": [row % 100 for row in rows]}

    def picks(self) -> Json:
        return {"status": "ready", "rows": [40, 41, 42], "candidates": 64, "round": 0, "stands_in": True}

    def queue_region(self, body: Json) -> Json:
        rows = [row for row in body["rows"] if row not in self.live() and not self.check(row)]
        self.order = rows + [row for row in self.order if row not in rows]
        return {"rows": rows, "new": rows, "left_out": {"audit": 0, "decided": 0}}

    def label_region(self, body: Json) -> Json:
        rows = [row for row in body["rows"] if row not in self.live() and not self.check(row)]
        for row in rows:
            self.annotate({"item": row, "action": "label", "class_id": body["class_id"], "token": body["token"]})
        return {"rows": rows, "left_out": {"audit": 0, "decided": 0}, "labeled": self.count("label")}

    def active(self) -> list[Json]:
        return [one for one in self.classes if one["merged_into"] is None]

    def target(self, class_id: int | None) -> int | None:
        while class_id is not None and self.classes[class_id]["merged_into"] is not None:
            class_id = self.classes[class_id]["merged_into"]
        return class_id

    def once(self, token: str, act: Callable[[], Json], status: int) -> tuple[int, Json]:
        self.seen_tokens.append(token)
        if token in self.answers:
            return 200, self.answers[token][1]
        self.answers[token] = (status, act())
        return self.answers[token]

    def annotate(self, body: Json) -> Json:
        if body["action"] == "label" and self.target(body["class_id"]) is None:
            raise Problem(422, "There is no such class. Choose one of the list.")
        note = {
            "id": len(self.journal) + 1, "item": body["item"], "row": body["item"], "text": self.texts[body["item"]],
            "text_pair": None, "action": body["action"], "class_id": body["class_id"], "note": body.get("note"),
            "annotator": "me", "together": body.get("token") if "seconds" not in body else None,
            "token": body.get("token"), "kind": body.get("kind", "query"), "aside": body.get("aside", False),
            "created": datetime.now(UTC).isoformat(), "undone": False, "seconds": body.get("seconds"),
        }  # fmt: skip
        self.journal.append(note)
        for row in body.get("also") or []:
            self.annotate({"item": row, "action": "label", "class_id": body["class_id"], "token": body["token"]})
        if body.get("also"):
            note["together"] = body["token"]
        return {**note, "labeled": self.count("label")}

    def undo(self, expected: str | None) -> Json:
        for note in reversed(self.journal):
            if not note["undone"]:
                if expected not in (None, note["token"]):
                    raise Problem(409, "Something else was decided in the meantime.")
                group = [one for one in self.journal if note["together"] and one["together"] == note["together"]]
                for one in group or [note]:
                    one["undone"] = True
                first = (group or [note])[0]
                item = self.item(first["item"]) | ({"reserved_until": None} if group and not first["seconds"] else {})
                return {"undone": first, "item": item, "together": len(group) or 1}
        raise Problem(409, "There is no decision to take back.")

    def count(self, action: str) -> int:
        return sum(note["action"] == action for note in self.live().values())

    def class_list(self) -> list[Json]:
        labels = [self.target(note["class_id"]) for note in self.live().values() if note["action"] == "label"]
        position = {one["id"]: i for i, one in enumerate(self.active())}
        return [
            {
                **one,
                "position": position.get(one["id"], 999),
                "labeled": labels.count(one["id"]),
                "active": one["merged_into"] is None,
            }
            for one in self.classes
        ]

    def state(self) -> Json:
        labeled, decided = self.count("label"), len(self.live())
        points = [
            {"labels": n, "value": 0.82 - 0.5 / (1 + n / 40), "accuracy": 0.8} for n in range(10, 60 + labeled, 10)
        ]
        model = self.model()
        preparing = self.fake["preparing"]
        return {
            "project": "demo" if self.options.demo else "reviews", "project_id": "p-1",
            "total": 100_000, "labeled": labeled,
            "skipped": self.count("skip"),
            "flagged": self.count("flag"), "today": labeled, "classes": self.class_list(), "pair": self.options.pairs,
            "guidelines": self.guidelines, "guidelines_html": self.guidelines_html,
            "audit": AUDIT if decided > 2 else None,
            "judged": f"m1/{decided}" if decided > 2 else None,
            "round": {"number": decided // 50, "size": 50, "answered": decided % 50, "strategy": "tyrogue", "ratio": 3},
            "queue": {"ready": 0 if preparing else len(self.open_rows())},
            "model": model and {**model, "kind": "linear", "train_seconds": 2.1},
            "trainer": {"alive": True, "phase": "embedding" if preparing else "waiting",
                        "progress": 0.4 if preparing else None, "message": "Reading 100,000 texts" if preparing else "",
                        "error": self.fake["trainer_error"]},
            "pace_seconds": 3.1 if labeled else None,
            "curve": {"source": "none" if model is None else "cross-validated", "metric": "macro_f1", "points": points,
                      "note": "Queried labels are harder than average: expect better on ordinary texts."},
            "warnings": ["Class 'Sci/Tech' has 1 label: the model cannot learn it yet."] if labeled > 5 else [],
            "settings": self.settings, "balance": self.balance(),
            "autopilot": self.autopilot, "journal": len(self.journal),
        }  # fmt: skip

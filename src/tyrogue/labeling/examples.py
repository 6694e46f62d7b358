"""A request and an answer of every call, as /openapi.json shows them. Tests compare them with real answers."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was seen and what to do."},
    },
    "example": {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "There is nothing to undo: this annotator has decided nothing yet.",
    },
}
WHEN = "2025-05-06T07:08:09+00:00"
ITEM: Json = {
    "id": 17,
    "row": 912,
    "external_id": "r912",
    "text": "The kettle boils in two minutes.",
    "text_pair": None,
    "text_length": 32,
    "cut": False,
    "meta": {"source": "shop"},
    "kind": "query",
    "round": 3,
    "position": 4,
    "suggestion": {"class_id": 1, "probability": 0.7},
    "probabilities": [{"class_id": 1, "probability": 0.7}, {"class_id": 0, "probability": 0.3}],
    "model": {"version": "m3", "kind": "transformer", "labels": 150, "age_seconds": 12.1, "train_seconds": 21.0},
    "facts": {"step": "uncertain", "cluster": 12, "cluster_size": 214, "score": 0.69, "drawn": 10_000},
    "copies": 0,
    "label": None,
    "reserved_until": WHEN,
}
RECORD: Json = {
    "id": 301,
    "item": 17,
    "row": 912,
    "action": "label",
    "class_id": 1,
    "note": None,
    "annotator": "me",
    "created": WHEN,
}
RECEIPT = RECORD | {"labeled": 63}
CLASS: Json = {"id": 0, "name": "negative", "position": 0, "labeled": 80, "merged_into": None, "active": True}
CLASSES = {"classes": [CLASS]}
ROW = {"row": 912, "text": "The kettle boils in two minutes.", "label": None}
SETTINGS: Json = {
    "batch": 50,
    "ratio": 3,
    "suggestions": True,
    "audit": 0.1,
    "overlap": 1,
    "overlap_share": 1.0,
}
ME: Json = {"name": "Ada", "role": "annotator", "login": "account"}
STATE: Json = {
    "project": "reviews",
    "project_id": "5d1e",
    "total": 100_000,
    "labeled": 163,
    "skipped": 4,
    "flagged": 1,
    "today": 163,
    "classes": [CLASS],
    "pair": False,
    "guidelines": "",
    "guidelines_html": "",
    "round": {"number": 3, "size": 50, "answered": 13, "strategy": "tyrogue", "ratio": 3},
    "queue": {"ready": 48},
    "model": ITEM["model"],
    "trainer": {
        "alive": True,
        "phase": "training",
        "progress": 0.4,
        "message": "Training on 163 labels",
        "error": None,
    },
    "pace_seconds": 3.1,
    "curve": {
        "source": "test",
        "metric": "macro_f1",
        "points": [{"labels": 50, "value": 0.71, "accuracy": 0.73}],
        "note": "",
    },
    "warnings": ["Class 'neutral' has 1 label: search for examples of it (key /)."],
    "settings": SETTINGS,
    "tiers": {
        "labels": 150,
        "temperature": 1.6,
        "log_loss": {"transformer": 0.41, "linear": 0.47},
        "accuracy": {"transformer": 0.87, "linear": 0.84},
    },
    "autopilot": {"available": True, "on": False},
    "journal": 171,
    "me": ME,
}
PERSON: Json = {
    "id": 2,
    "name": "Ada",
    "role": "annotator",
    "password": True,
    "left": False,
    "labels": 120,
    "skips": 2,
    "flags": 0,
    "today": 40,
    "last": WHEN,
    "pace_seconds": 2.9,
}
OPEN_LINK: Json = {"id": 5, "name": "Ben", "role": "reviewer", "kind": "invitation", "label": None, "expires": WHEN}
TEAM = {"people": [PERSON], "credentials": [OPEN_LINK]}
AGREEMENT: Json = {
    "texts": 40,
    "agreed": 33,
    "alpha": 0.71,
    "classes": [{"class_id": 0, "texts": 22, "agreed": 18, "alpha": 0.74}],
    "pairs": [{"annotators": ["Ada", "Ben"], "texts": 40, "agreed": 33, "kappa": 0.7}],
}
VOTE: Json = {"annotator": "Ada", "class_id": 1, "created": WHEN, "model_version": "m3", "kind": "query"}
DISAGREEMENTS: Json = {
    "rows": [{"row": 912, "text": ROW["text"], "text_pair": None, "tied": True, "votes": [VOTE]}],
    "total": 7,
}

AUDIT: Json = {"source": "independent", "n": 34, "correct": 28, "accuracy": 0.82, "low": 0.66, "high": 0.92}
JUDGEMENT: Json = {
    "model": "m3",
    "labels": 150,
    "journal": 171,
    "promoted": False,
    "audit": AUDIT,
    "reasons": [{"name": "stable", "holds": True, "words": "Predictions are stable."}],
    "gain": {"labels": 50, "source": "audit", "expected": 0.004, "low": -0.002, "high": 0.01},
    "outlook": "The next 50 labels are likely worth +0.4 points.",
    "warnings": [],
    "drift": None,
    "suspects": 4,
    "promotion": {"on": False, "cost": "No independent accuracy any more.", "record": []},
}
REVIEWED: Json = {
    "row": 912,
    "text": ROW["text"],
    "text_pair": None,
    "class_id": 1,
    "kind": "query",
    "annotator": "Ada",
    "created": WHEN,
    "model_version": "m3",
    "round": 3,
    "note": None,
    "flagged": False,
    "skipped": False,
    "disputed": False,
    "reviewed": False,
    "suspect": None,
}

NEAR: Json = {"row": 5, "text": "A kettle that whistles.", "text_pair": None, "class_id": 1, "similarity": 0.83}
LEFT_OUT = {"audit": 0, "decided": 1}

EXAMPLES: dict[str, Json] = {
    "GET /api/texts": {"answer": {"texts": [{"row": 912, "text": ROW["text"]}]}},
    "GET /api/items/{id}/why": {
        "answer": {
            "id": 17,
            "row": 912,
            "kind": "query",
            "blind": False,
            "funnel": {"pool": 100_000, "drawn": 10_000, "kept": 150, "asked": 45, "strategy": "tyrogue", "ratio": 3},
            "cluster": {"size": 214, "texts": [NEAR]},
            "near": [],
            "near_count": 0,
            "probabilities": ITEM["probabilities"],
            "nearest": [NEAR],
            "model": {"version": "m3", "labels": 150, "age_seconds": 12.1, "newest": "m4"},
        }
    },
    "GET /api/map": {
        "answer": {
            "status": "ready",
            "version": 3,
            "method": "tsne",
            "scale": 10_000,
            "rows": [5, 912],
            "x": [120, 9_800],
            "y": [4_400, 31],
        }
    },
    "GET /api/map/marks": {
        "answer": {
            "journal": 171,
            "rows": [912],
            "class_ids": [1],
            "rounds": [3],
            "mine": [5],
            "waiting": [17],
            "audit": [8],
            "hidden": [9],
        }
    },
    "GET /api/map/opinions": {
        "answer": {
            "status": "ready",
            "version": 3,
            "model": "m4",
            "stands_in": True,
            "class_ids": [0, 1],
            "entropy": [12, 99],
        }
    },
    "GET /api/map/picks": {
        "answer": {
            "status": "ready",
            "strategy": "badge",
            "rows": [912],
            "candidates": 10_000,
            "round": 3,
            "model": "m4",
        },
        "also": ["202"],
    },
    "POST /api/regions": {
        "body": {"token": "0d4e5f6a", "rows": [912, 17], "class_id": 1},
        "answer": {"rows": [912], "left_out": LEFT_OUT, "labeled": 64},
    },
    "POST /api/regions/queue": {
        "body": {"rows": [912, 17]},
        "answer": {"rows": [912], "new": [912], "left_out": LEFT_OUT},
    },
    "POST /api/regions/withdraw": {"body": {"rows": [912]}, "answer": {"rows": [912]}},
    "GET /api/judgement": {"answer": JUDGEMENT},
    "POST /api/promotion": {"body": {"on": True}, "answer": JUDGEMENT},
    "GET /api/review": {"answer": {"labels": [REVIEWED], "next": None}},
    "GET /api/review/{row}": {
        "answer": {
            "row": 912,
            "external_id": "r912",
            "text": ROW["text"],
            "text_pair": None,
            "label": 1,
            "history": [
                {
                    "id": 301,
                    "action": "label",
                    "class_id": 1,
                    "note": None,
                    "annotator": "Ada",
                    "created": WHEN,
                    "kind": "query",
                    "model_version": "m3",
                    "undone": False,
                    "undoes": None,
                }
            ],
        }
    },
    "POST /api/review/{row}": {"body": {"token": "9c3d4e5f", "action": "label", "class_id": 2}, "answer": REVIEWED},
    "GET /api/health": {"answer": {"status": "ok", "version": "0.1.0"}},
    "POST /api/login": {"body": {"name": "Ada", "password": "correct horse battery"}, "answer": ME},
    "POST /api/login/link": {"body": {"secret": "p9x...24 random bytes"}, "answer": ME},
    "POST /api/login/invitation": {
        "body": {"secret": "p9x...24 random bytes", "password": "correct horse battery"},
        "answer": ME,
    },
    "POST /api/logout": {"answer": {"name": None, "role": "nobody", "login": "none"}},
    "GET /api/me": {"answer": ME},
    "PUT /api/me/password": {
        "body": {"old": "correct horse battery", "new": "staple of another colour"},
        "answer": {"name": "Ada"},
    },
    "POST /api/me/tokens": {
        "body": {"label": "nightly export", "days": 90},
        "answer": {"token": "Zk3...", "id": 6, "annotator": "Ada", "expires": WHEN},
    },
    "POST /api/next": {"body": {"n": 5, "annotator": "me"}, "answer": {"items": [ITEM], "reason": None}},
    "POST /api/annotations": {
        "body": {"token": "6f0c1d2e", "item": 17, "action": "label", "class_id": 1, "seconds": 2.4},
        "answer": RECEIPT,
        "also": ["200"],
    },
    "POST /api/undo": {
        "body": {"token": "7a1b2c3d", "expected": "6f0c1d2e"},
        "answer": {"undone": RECEIPT, "item": ITEM},
    },
    "GET /api/annotations": {
        "answer": {"annotations": [RECORD | {"text": ROW["text"], "undone": False}], "more": True}
    },
    "POST /api/items": {"body": {"row": 912, "kind": "search"}, "answer": ITEM},
    "GET /api/state": {"answer": STATE},
    "GET /api/rows/{row}": {
        "answer": {
            "row": 912,
            "external_id": "r912",
            "text": ROW["text"],
            "text_pair": None,
            "meta": {"source": "shop"},
            "label": None,
        }
    },
    "GET /api/search": {"answer": {"rows": [ROW], "total": 20}},
    "GET /api/classes": {"answer": CLASSES},
    "POST /api/classes": {"body": {"name": "neutral"}, "answer": CLASSES},
    "PATCH /api/classes/{class_id}": {"body": {"name": "mixed"}, "answer": CLASSES},
    "POST /api/classes/{class_id}/merge": {"body": {"into": 1}, "answer": CLASSES},
    "GET /api/preview": {
        "answer": {
            "status": "ready",
            "previews": [{"ratio": 1, "rows": [{"row": 912, "text": ROW["text"], "facts": {"cluster": 12}}]}],
        },
        "also": ["202"],
    },
    "PATCH /api/settings": {"body": {"ratio": 5, "overlap": 2, "overlap_share": 0.2}, "answer": SETTINGS},
    "PUT /api/guidelines": {
        "body": {"text": "**negative** also when only the delivery was late"},
        "answer": {
            "guidelines": "**negative** also when only the delivery was late",
            "guidelines_html": "<p><strong>negative</strong> also when only the delivery was late</p>\n",
        },
    },
    "POST /api/autopilot": {
        "body": {"on": True, "seconds": 0.3},
        "answer": {"available": True, "on": True, "seconds": 0.3},
    },
    "GET /api/export": {"answer": "row,id,text,label\n912,r912,The kettle boils,positive\n", "type": "text/csv"},
    "GET /api/team": {"answer": TEAM},
    "POST /api/team/invitations": {
        "body": {"name": "Ben", "role": "reviewer", "days": 7, "reusable": False},
        "answer": {
            "id": 5,
            "name": "Ben",
            "role": "reviewer",
            "kind": "invitation",
            "path": "/#invite=p9x...",
            "expires": WHEN,
        },
    },
    "PATCH /api/team/{person}": {"body": {"role": "reviewer"}, "answer": TEAM},
    "DELETE /api/team/{person}": {"answer": TEAM},
    "DELETE /api/team/credentials/{credential}": {"answer": TEAM},
    "GET /api/agreement": {"answer": AGREEMENT},
    "GET /api/disagreements": {"answer": DISAGREEMENTS},
    "POST /api/adjudications": {"body": {"token": "8b2c3d4e", "row": 912, "class_id": 1}, "answer": RECEIPT},
}

"""The part of the HTTP API that judges models and labels: the report, the promotion of checks, review."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field, StringConstraints

from tyrogue.labeling import advice, promotion, schemas
from tyrogue.labeling.access import Caller, caller
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.report import JUDGEMENT
from tyrogue.labeling.reviewing import Review
from tyrogue.store import Wanted

Json = dict[str, Any]
Who = Annotated[Caller, Depends(caller)]


class Promotion(schemas.Body):
    on: bool
    annotator: schemas.Name = "me"


class SecondLook(schemas.Body):
    token: schemas.Token
    action: Literal["label", "flag", "note"] = "label"
    class_id: schemas.Id | None = None
    note: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    annotator: schemas.Name = "me"


def judging(engine: Engine) -> APIRouter:
    """Gives the routes of the report and of the promotion."""
    routes = APIRouter(tags=["judgement"])

    @routes.get("/judgement")
    def judgement(who: Who, annotator: schemas.Name = "me") -> Json:
        """Gives how good the model in charge is, reasons to stop, and what should be looked at."""
        return told(engine, who.named(annotator))

    @routes.post("/promotion")
    def promote(body: Promotion, who: Who) -> Json:
        """Lets models learn from the random checks, or takes that back."""
        report, name = engine.store.get(JUDGEMENT) or {}, who.named(body.annotator)
        promotion.promote(engine.store, body.on, annotator=name, audit=report.get("audit"))
        return told(engine, name)

    return routes


def told(engine: Engine, annotator: str) -> Json:
    """Gives the report as it was written last, with what the next batch takes at this annotator's pace."""
    store = engine.store
    found = store.settings([JUDGEMENT, promotion.PROMOTION])
    report: Json = found.get(JUDGEMENT) or EMPTY
    gain, pace = report["gain"], store.pace(annotator) or store.pace()
    record = found.get(promotion.PROMOTION, [])
    return report | {
        "outlook": None if gain is None else advice.outlook(gain, pace),
        "promotion": {"on": promotion.is_promoted(record), "cost": promotion.COST, "record": record},
    }


EMPTY: Json = {
    "model": None, "labels": 0, "journal": 0, "promoted": False, "audit": None, "reasons": [], "gain": None,
    "warnings": [], "drift": None, "suspects": 0,
}  # fmt: skip


def reviewing(engine: Engine) -> APIRouter:
    """Gives the routes of the review."""
    routes, review = APIRouter(tags=["review"]), Review(engine.project, engine.store)

    @routes.get("/review")
    def labels(
        limit: Annotated[int, Query(ge=1, le=200)] = 30,
        after: Annotated[str, StringConstraints(max_length=100)] | None = None,
        class_id: schemas.Id | None = None,
        annotator: schemas.Name | None = None,
        kind: Literal["query", "reference", "search", "review", "import"] | None = None,
        round: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None,
        only: Literal["flagged", "skipped", "disputed"] | None = None,
        suspected: bool = False,
        q: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None,
        like: schemas.Id | None = None,
    ) -> Json:
        """Gives labels a page at a time: newest first, or in the order of a search, of likeness, of suspicion."""
        wanted = Wanted(class_id=class_id, annotator=annotator, kind=kind, round=round, only=only)
        return review.labels(wanted, limit=limit, after=after, query=q, like=like, suspected=suspected)

    @routes.get("/review/{row}")
    def item(row: schemas.Id) -> Json:
        """Gives one text with all that was ever said about it."""
        return review.item(row)

    @routes.post("/review/{row}", status_code=201)
    def decide(row: schemas.Id, body: SecondLook, who: Who) -> Json:
        """Records a second look at a text: a label outranks those given before; a flag or a note is kept with it."""
        return review.decide(row, **body.model_dump() | {"annotator": who.named(body.annotator)})

    return routes

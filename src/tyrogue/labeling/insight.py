"""The calls behind "Why this one?" and the map. Nothing here computes a map: it is read from the trainer's files."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from tyrogue.errors import UsageError
from tyrogue.labeling import atlas
from tyrogue.labeling.access import Caller, caller
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.schemas import Body, Id, Name, Token
from tyrogue.labeling.why import Why
from tyrogue.labeling.wishes import CHOICES, OPINIONS, PICKS, wish
from tyrogue.pool import as_rows
from tyrogue.store.undoing import MOST_TOGETHER

SCALE = 10_000
"""Places are sent as whole numbers from 0 to this."""
MOST_QUEUED = 100
ROWS = r"^\d{1,18}(,\d{1,18}){0,99}$"

Json = dict[str, Any]
Who = Annotated[Caller, Depends(caller)]


class Region(Body):
    token: Token
    rows: Annotated[list[Id], Field(min_length=1, max_length=MOST_TOGETHER)]
    class_id: Id
    annotator: Name = "me"


class RegionToQueue(Body):
    rows: Annotated[list[Id], Field(min_length=1, max_length=MOST_QUEUED)]
    annotator: Name = "me"


def insight(engine: Engine) -> APIRouter:
    """Gives the routes that explain and that draw the map."""
    routes = APIRouter()
    routes.include_router(_explaining(engine))
    routes.include_router(_map(Map(engine)))
    routes.include_router(_regions(engine))
    return routes


def _explaining(engine: Engine) -> APIRouter:
    routes, why = APIRouter(tags=["why"]), Why(engine)

    @routes.get("/items/{id}/why")
    def explain(id: Id) -> Json:
        """Says why an item was chosen: the funnel, its group, the model's opinion, the nearest labeled texts."""
        return why.of(id)

    @routes.get("/texts")
    def texts(rows: Annotated[str, Query(pattern=ROWS)]) -> Json:
        """Gives the beginnings of up to 100 texts."""
        asked, n = as_rows([int(row) for row in rows.split(",")]), len(engine.project.corpus)
        if asked.max() >= n:
            raise UsageError(f"Row {asked.max()} is not in this project; it has rows 0 to {n - 1}.")
        return {"texts": why.texts(asked)}

    return routes


def _map(drawn: Map) -> APIRouter:
    routes = APIRouter(tags=["map"])

    @routes.get("/map")
    def places(known: Annotated[int | None, Query(ge=0, le=2**62)] = None) -> Response:
        """Gives the places of the points, of those that came after `known`, or says that this is the newest version."""
        return _plain(drawn.places(known))

    @routes.get("/map/marks")
    def marks(who: Who, annotator: Name = "me") -> Json:
        """Gives what is labeled, comes next, waits in the queue, or is a check: changes with every label."""
        return drawn.marks(who.named(annotator))

    @routes.get("/map/opinions")
    def opinions() -> Response:
        """Gives the class that the model gives each point, and its doubt from 0 to 100; `hidden` with suggestions."""
        return _plain(drawn.opinions())

    @routes.get("/map/picks")
    def picks(strategy: Annotated[str, Query(max_length=50)], response: Response) -> Json:
        """Gives what a strategy would choose now from the candidates of the newest batch."""
        found = drawn.picks(strategy)
        response.status_code = 200 if found["status"] == "ready" else 202
        return found

    return routes


def _regions(engine: Engine) -> APIRouter:
    routes = APIRouter(tags=["map"])

    @routes.post("/regions", status_code=201)
    def label(body: Region, who: Who) -> Json:
        """Gives several texts one label, in one transaction, each in a record of its own."""
        _, left_out = engine.regions.split(body.rows)
        rows = engine.regions.label(body.rows, body.class_id, token=body.token, annotator=who.named(body.annotator))
        if not rows:
            engine.regions.refuse_empty(body.rows, left_out)
        return {"rows": rows, "left_out": left_out, "labeled": engine.store.labeled()}

    @routes.post("/regions/queue", status_code=201)
    def queue(body: RegionToQueue, who: Who) -> Json:
        """Puts several texts first in the queue."""
        _, left_out = engine.regions.split(body.rows)
        rows, new = engine.regions.queue(body.rows, who.named(body.annotator))
        if not rows:
            engine.regions.refuse_empty(body.rows, left_out)
        return {"rows": rows, "new": new, "left_out": left_out}

    @routes.post("/regions/withdraw")
    def withdraw(body: RegionToQueue, who: Who) -> Json:
        """Takes texts that were put first in the queue out of it again; what was decided since stays."""
        return {"rows": engine.regions.withdraw(body.rows, who.named(body.annotator))}

    return routes


class Map:
    """The map as the page gets it.

    Args:
        engine: of the project whose map it is.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine, self.project, self.store = engine, engine.project, engine.store
        self._decided = lru_cache(maxsize=1)(
            lambda _position: (list(self.store.label_records()), self.store.answered_rows())
        )

    def places(self, known: int | None) -> Json:
        """Gives rows with their places; asks the trainer to keep the map up to date.

        Where nothing has moved since the version `known`, only the rows that came after it.
        """
        wish(self.store)
        told = self.store.get(atlas.SETTING) or {}
        if told and known == told["version"]:
            return {"status": "unchanged", "version": known}
        drawn = atlas.Atlas.load(self.project, self.store)
        if drawn is None:
            return {"status": "preparing", "version": None}
        since = known if known is not None and drawn.since.min() <= known <= drawn.version else None
        some = np.ones(len(drawn.rows), bool) if since is None else drawn.since > since
        places = np.rint(drawn.places[some] * SCALE).astype(int)
        return {
            "status": "ready",
            "version": drawn.version,
            **({} if since is None else {"since": since}),
            "method": drawn.method,
            "scale": SCALE,
            "rows": drawn.rows[some].tolist(),
            "x": places[:, 0].tolist(),
            "y": places[:, 1].tolist(),
        }

    def marks(self, annotator: str) -> Json:
        """Gives labeled rows with class and round, what this annotator has in hand, the rest of the queue, and checks:
        those that were decided, and those that somebody has yet to decide, of which nothing is to be seen."""
        position = self.store.journal_position()
        records, answered = self._decided(position)
        reference, queued = self.project.corpus.reference, self.store.queued_rows()
        mine, hidden = self.store.held_rows(annotator), np.intersect1d(queued, reference)
        blind = set(hidden.tolist())
        shown = [one for one in records if one.row not in blind]
        return {
            "journal": position,
            "rows": [one.row for one in shown],
            "class_ids": [one.class_id for one in shown],
            "rounds": [one.round for one in shown],
            "mine": np.setdiff1d(mine, reference).tolist(),
            "waiting": np.setdiff1d(queued, np.union1d(reference, mine)).tolist(),
            "audit": np.setdiff1d(np.intersect1d(answered, reference), hidden).tolist(),
            "hidden": hidden.tolist(),
        }

    def opinions(self) -> Json:
        """Gives the model's opinion of each point of a version of the map; -1 for texts that are checked blind.

        Hidden together with the suggestions, for it leads like one.
        """
        if not self.engine.plan.suggestions:
            return {"status": "hidden"}
        told = self.store.get(OPINIONS)
        found = atlas.read(atlas.folder(self.project) / "opinions.npy", atlas.OPINIONS)
        drawn = atlas.Atlas.load(self.project, self.store)
        if told is None or found is None or drawn is None or told["version"] != drawn.version:
            return {"status": "preparing"}
        blind = np.isin(drawn.rows, self.project.corpus.reference)
        return {
            "status": "ready",
            **told,
            "class_ids": np.where(blind, -1, found["class_id"]).tolist(),
            "entropy": np.where(blind, -1, np.rint(100 * found["entropy"])).astype(int).tolist(),
        }

    def picks(self, strategy: str) -> Json:
        """Gives what the trainer says that a strategy would choose; asks it to say so."""
        if strategy not in CHOICES:
            raise UsageError(f"{strategy!r} cannot be compared on the map. Strategies: {', '.join(CHOICES)}.")
        wish(self.store)
        wish(self.store, strategy)
        found = (self.store.get(PICKS) or {}).get(strategy)
        last, model = self.store.last_round(), self.store.current_model()
        rounds = () if last is None else (last.number, last.number - 1)
        if found is None or found["round"] not in rounds or found["model"] != ("" if model is None else model.version):
            return {"status": "preparing", "strategy": strategy, "rows": []}
        return {"status": "ready", "strategy": strategy, **found}


def _plain(told: Json) -> Response:
    # Lists of numbers only: FastAPI would look at each of 150,000 of them before it writes it.
    return Response(json.dumps(told, separators=(",", ":")), media_type="application/json")

"""The HTTP API and the page. docs/api.md says what the calls mean; nothing here waits for a model."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

import tyrogue
from tyrogue.errors import Conflict, TyrogueError, UsageError
from tyrogue.labeling import schemas
from tyrogue.labeling.access import ADMITTED, ANNOTATOR, PREFIX, Caller, Door, caller
from tyrogue.labeling.autopilot import Autopilot
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.insight import insight
from tyrogue.labeling.judging import judging, reviewing
from tyrogue.labeling.login import login_routes, own_routes
from tyrogue.labeling.openapi import describe
from tyrogue.labeling.out import MEDIA_TYPES, export
from tyrogue.labeling.prose import to_html
from tyrogue.labeling.security import problem, protect
from tyrogue.labeling.team import review_routes, team_routes

TITLES = {401: "Login needed", 404: "Not found", 405: "Not allowed here", 429: "Too many attempts"}
STATIC = Path(__file__).parent / "static"
Json = dict[str, Any]
Who = Annotated[Caller, Depends(caller)]


def create_app(
    engine: Engine, *, host: str = "127.0.0.1", token: str | None = None, names: Sequence[str] = ()
) -> FastAPI:
    """Gives the web application of one project.

    Args:
        engine: the project's.
        host: the address it is served on; on a loopback address requests for other hosts are refused.
        token: what makes its bearer an owner; None where there is a team, or where nobody needs to log in.
        names: other hosts that it answers to, as a proxy before it is called.

    Raises:
        UsageError: others can reach the address, and nobody would have to log in.
    """
    autopilot = Autopilot(engine)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        autopilot.start()
        yield
        autopilot.stop()

    app = FastAPI(title="tyrogue", version=tyrogue.__version__, lifespan=life, docs_url=None, redoc_url=None)
    rooms = [_labeling(engine), _classes(engine), _steering(engine), _around(engine)]
    rooms += [login_routes(engine.store), own_routes(engine.store), team_routes(engine), review_routes(engine)]
    rooms += [judging(engine), reviewing(engine), insight(engine)]
    for room in rooms:
        app.include_router(room, prefix=PREFIX, dependencies=[ADMITTED])

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _errors(app)
    describe(app)
    protect(app, Door(engine.store, token), host=host, names=names)
    return app


def _labeling(engine: Engine) -> APIRouter:
    routes = APIRouter(tags=["labeling"])

    @routes.post("/next")
    def next_items(body: schemas.Next, who: Who) -> Json:
        """Reserves the next texts."""
        return engine.next(body.n, who.named(body.annotator))

    @routes.post("/annotations", status_code=201)
    def annotate(body: schemas.Decision, response: Response, who: Who) -> Json:
        """Records a decision; answers after it is on disk."""
        if who.role == ANNOTATOR and engine.store.item(body.item).kind == "review":
            raise HTTPException(403, "A second look outranks what annotators say: it is for reviewers.")
        receipt, new = engine.submit(**body.model_dump() | {"annotator": who.named(body.annotator)})
        response.status_code = 201 if new else 200
        return receipt

    @routes.post("/undo")
    def undo(body: schemas.Undo, who: Who) -> Json:
        """Takes the last decision back; with `expected`, that one or none."""
        undone = engine.undo(token=body.token, annotator=who.named(body.annotator), expected=body.expected)
        if undone is None:
            raise Conflict("There is nothing to undo: this annotator has decided nothing yet.")
        return undone

    @routes.get("/annotations")
    def annotations(
        who: Who,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
        annotator: schemas.Name | None = None,
    ) -> Json:
        """Gives what was decided, newest first; annotators see their own."""
        named = who.named("me") if who.role == ANNOTATOR else annotator
        return engine.annotations(limit=limit, before=before, annotator=named)

    @routes.post("/items", status_code=201)
    def push(body: schemas.Push, who: Who) -> Json:
        """Puts a text first in the queue."""
        if who.role == ANNOTATOR and body.kind == "review":
            raise HTTPException(403, "A second look outranks what annotators say: it is for reviewers.")
        return engine.push(body.row, who.named(body.annotator), body.kind)

    return routes


def _classes(engine: Engine) -> APIRouter:
    routes = APIRouter(tags=["classes"])

    def everything() -> Json:
        return {"classes": engine.state()["classes"]}

    @routes.get("/classes")
    def classes() -> Json:
        """Gives all classes, merged ones too."""
        return everything()

    @routes.post("/classes", status_code=201)
    def add(body: schemas.NewClass) -> Json:
        """Adds a class."""
        engine.store.add_class(body.name)
        return everything()

    @routes.patch("/classes/{class_id}")
    def rename(class_id: schemas.Id, body: schemas.NewClass) -> Json:
        """Renames a class."""
        engine.store.rename_class(class_id, body.name)
        return everything()

    @routes.post("/classes/{class_id}/merge")
    def merge(class_id: schemas.Id, body: schemas.Merge) -> Json:
        """Merges a class into another; its labels move with it."""
        engine.store.merge_class(class_id, body.into)
        return everything()

    return routes


def _steering(engine: Engine) -> APIRouter:
    routes = APIRouter(tags=["settings"])

    @routes.get("/preview")
    def preview(
        response: Response, ratios: Annotated[str, Query(pattern=r"^\d{1,4}(,\d{1,4}){0,4}$")] = "1,3,10"
    ) -> Json:
        """Gives what the next batch would be at other ratios, as soon as the trainer has prepared it."""
        asked = [int(ratio) for ratio in ratios.split(",")]
        if not all(1 <= ratio <= 1000 for ratio in asked):
            raise UsageError(f"The ratios {ratios} cannot be previewed; each is 1 to 1000.")
        found = engine.preview(asked)
        response.status_code = 202 if found is None else 200
        return {"status": "preparing", "previews": []} if found is None else {"status": "ready", **found}

    @routes.patch("/settings")
    def settings(body: schemas.Settings) -> Json:
        """Changes what may change while people label."""
        return engine.change(**body.model_dump(exclude_none=True))

    return routes


def _around(engine: Engine) -> APIRouter:
    routes = APIRouter(tags=["project"])

    @routes.get("/health")
    def health() -> Json:
        """Says that the server is up."""
        return {"status": "ok", "version": tyrogue.__version__}

    @routes.get("/state")
    def state(who: Who, annotator: schemas.Name = "me") -> Json:
        """Gives everything that the page shows beside the text."""
        name = who.named(annotator)
        return engine.state(name) | {"me": {"name": name, "role": who.role, "login": who.login}}

    @routes.get("/rows/{row}")
    def row(row: schemas.Id) -> Json:
        """Gives one text whole."""
        return engine.row(row)

    @routes.get("/search")
    def search(
        q: Annotated[str, Query(min_length=1, max_length=500)], limit: Annotated[int, Query(ge=1, le=200)] = 20
    ) -> Json:
        """Gives texts that hold all these words."""
        return engine.search(q, limit)

    @routes.put("/guidelines")
    def guidelines(body: schemas.Guidelines) -> Json:
        """Sets the labeling guidelines (Markdown); gives them as the page shows them, too."""
        engine.store.set("guidelines", body.text)
        return {"guidelines": body.text, "guidelines_html": to_html(body.text)}

    @routes.post("/autopilot")
    def autopilot(body: schemas.Autopilot) -> Json:
        """Lets the gold labels answer, where there are any."""
        if body.on and not engine.has_gold:
            raise UsageError("This project has no gold labels, so the autopilot does not know the answers.")
        engine.store.set("autopilot", {"on": body.on, "seconds": body.seconds})
        return {"available": engine.has_gold, "on": body.on, "seconds": body.seconds}

    @routes.get("/export")
    def export_labels(
        format: Annotated[str, Query(pattern="^(csv|jsonl|parquet)$")] = "csv", safe: bool = False
    ) -> FileResponse:
        """Downloads the labels."""
        folder = tempfile.TemporaryDirectory(prefix="tyrogue-export-")
        name = f"{engine.project.name}-labels.{format}"
        path = Path(folder.name) / name
        export(engine.project, engine.store, path, format=format, safe=safe)
        cleanup: Callable[[], None] = folder.cleanup
        return FileResponse(path, filename=name, media_type=MEDIA_TYPES[format], background=BackgroundTask(cleanup))

    return routes


def _kept(headers: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if headers is None else dict(headers)


def _errors(app: FastAPI) -> None:
    @app.exception_handler(TyrogueError)
    def known(_: Request, error: TyrogueError) -> JSONResponse:
        if isinstance(error, Conflict):
            return problem(409, "Conflict", str(error))
        if isinstance(error, UsageError):
            return problem(422, "Not possible", str(error))
        return problem(503, "Not now", str(error))

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(422, "Not valid", f"{where}: {first['msg']}")

    @app.exception_handler(HTTPException)
    def plain(_: Request, error: HTTPException) -> JSONResponse:
        return problem(
            error.status_code, TITLES.get(error.status_code, "Refused"), str(error.detail), _kept(error.headers)
        )

    @app.exception_handler(Exception)
    def broken(_: Request, error: Exception) -> JSONResponse:
        # The server writes the traceback to its log; an answer never holds it.
        return problem(500, "Broken", f"Something failed on the server ({type(error).__name__}); its log says what.")

    @app.exception_handler(OSError)
    def disk(_: Request, error: OSError) -> JSONResponse:
        return problem(
            507, "Storage failed", f"{error.strerror or error}. Nothing was recorded; free some space and try again."
        )

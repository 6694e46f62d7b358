"""The HTTP API and the page. docs/api.md says what the calls mean; nothing here waits for a model."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

import tyrogue
from tyrogue.errors import Conflict, TyrogueError, UsageError
from tyrogue.labeling import schemas
from tyrogue.labeling.autopilot import Autopilot
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.insight import insight
from tyrogue.labeling.judging import judging, reviewing
from tyrogue.labeling.out import MEDIA_TYPES, export
from tyrogue.labeling.prose import to_html
from tyrogue.labeling.security import problem, protect

STATIC = Path(__file__).parent / "static"
Json = dict[str, Any]


def create_app(engine: Engine, *, host: str = "127.0.0.1", token: str | None = None) -> FastAPI:
    """Gives the web application of one project.

    Args:
        engine: the project's.
        host: the address it is served on; on a loopback address requests for other hosts are refused.
        token: what requests must carry; None asks for nothing.
    """
    autopilot = Autopilot(engine)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        autopilot.start()
        yield
        autopilot.stop()

    app = FastAPI(title="tyrogue", version=tyrogue.__version__, lifespan=life, docs_url=None, redoc_url=None)
    app.include_router(_labeling(engine), prefix="/api")
    app.include_router(_classes(engine), prefix="/api")
    app.include_router(_steering(engine), prefix="/api")
    app.include_router(_around(engine), prefix="/api")
    app.include_router(judging(engine), prefix="/api")
    app.include_router(reviewing(engine), prefix="/api")
    app.include_router(insight(engine), prefix="/api")

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _errors(app)
    protect(app, host=host, token=token)
    return app


def _labeling(engine: Engine) -> APIRouter:
    routes = APIRouter(tags=["labeling"])

    @routes.post("/next")
    def next_items(body: schemas.Next) -> Json:
        """Reserves the next texts."""
        return engine.next(body.n, body.annotator)

    @routes.post("/annotations", status_code=201)
    def annotate(body: schemas.Decision, response: Response) -> Json:
        """Records a decision; answers after it is on disk."""
        receipt, new = engine.submit(**body.model_dump())
        response.status_code = 201 if new else 200
        return receipt

    @routes.post("/undo")
    def undo(body: schemas.Undo) -> Json:
        """Takes the last decision back."""
        undone = engine.undo(token=body.token, annotator=body.annotator)
        if undone is None:
            raise Conflict("There is nothing to undo: this annotator has decided nothing yet.")
        return undone

    @routes.get("/annotations")
    def annotations(
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
        annotator: schemas.Name | None = None,
    ) -> Json:
        """Gives what was decided, newest first."""
        return engine.annotations(limit=limit, before=before, annotator=annotator)

    @routes.post("/items", status_code=201)
    def push(body: schemas.Push) -> Json:
        """Puts a text first in the queue."""
        return engine.push(body.row, body.annotator, body.kind)

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
    def state(annotator: schemas.Name = "me") -> Json:
        """Gives everything that the page shows beside the text."""
        return engine.state(annotator)

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
        return problem(error.status_code, "Not found" if error.status_code == 404 else "Refused", str(error.detail))

    @app.exception_handler(OSError)
    def disk(_: Request, error: OSError) -> JSONResponse:
        return problem(
            507, "Storage failed", f"{error.strerror or error}. Nothing was recorded; free some space and try again."
        )

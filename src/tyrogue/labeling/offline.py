"""The pipeline without a trainer process: works until a batch is ready, then returns."""

from __future__ import annotations

import time
from collections.abc import Callable

from tyrogue.corpus.project import Project
from tyrogue.encoders import open_encoder
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.labeling.engine import Engine
from tyrogue.labeling.pipeline import Pipeline
from tyrogue.labeling.plan import Plan
from tyrogue.store import Store


def open_pipeline(project: Project, store: Store, *, say: Callable[..., None], maps: bool = False) -> Pipeline:
    """Gives the pipeline of a project with its encoder loaded."""
    plan = Plan.current(project, store)
    encoder = open_encoder(plan.checkpoint, max_length=plan.max_length)
    return Pipeline(project, store, CachedEncoder(encoder, project.cache_dir, len(project.corpus)), say=say, maps=maps)


def run_until_ready(project: Project, store: Store, *, say: Callable[[str], None]) -> Engine:
    """Trains on what was labeled since the last model, fills the queue, and gives the engine."""

    def tell(_phase: str, message: str = "", progress: float | None = None) -> None:
        if message and not progress:
            say(message + "...")

    pipeline = open_pipeline(project, store, say=tell)
    pipeline.fitter.train_now(pipeline.plan)
    while pipeline.step() or pipeline.fitter.busy:
        time.sleep(0.01)
    if pipeline.fitter.error is not None:
        say(pipeline.fitter.error)
    pipeline.close()
    return Engine(project, store)

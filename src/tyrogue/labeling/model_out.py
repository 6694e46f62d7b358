"""Models out of a project, and new texts classified by them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tyrogue import models, ops
from tyrogue.corpus.project import Project, is_project
from tyrogue.corpus.reading import read_records
from tyrogue.corpus.records import Record
from tyrogue.encoders import open_encoder
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.errors import CorruptModel, UsageError
from tyrogue.labeling.plan import Plan
from tyrogue.labeling.report import JUDGEMENT
from tyrogue.labeling.timing import FIRST_LABELS
from tyrogue.models import export, exported
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.store import Model, Store
from tyrogue.types import Floats, Text

PREDICT_BATCH = 1024


def export_model(project: Project, store: Store, folder: Path) -> export.ExportReport:
    """Writes the newest model as a folder that plain transformers loads, with a card that tells its session.

    Raises:
        UsageError: there is no model yet.
    """
    newest, model = open_model(project, store)
    known = {c.id: c.name for c in store.classes()}
    names = [known[class_id] for class_id in newest.class_ids]
    return export.export_model(model, folder, class_names=names, facts=_facts(project, store, newest, names))


def open_model(project: Project, store: Store) -> tuple[Model, Classifier]:
    """Gives the newest model of a project that can be read."""
    embedder = _embedder(project, store)
    for known in reversed(store.models()):
        with contextlib.suppress(CorruptModel, FileNotFoundError):
            return known, models.load(project.path / known.path, embedder=embedder)
    raise UsageError(f"{project.path} has no model yet: label at least {FIRST_LABELS} texts of two classes first.")


def predictions(
    place: Path, source: str, *, text: str | None = None, text_pair: str | None = None, encoding: str | None = None
) -> Iterator[dict[str, Any]]:
    """Gives id, label and class probabilities of each text of a file, in its order.

    Args:
        place: a project directory, or a model folder written by `export_model`.
        source: anything that can be imported.
    """
    names, infer = _predictor(place)
    batch: list[Record] = []
    for record in read_records(source, text=text, text_pair=text_pair, encoding=encoding):
        batch.append(record)
        if len(batch) == PREDICT_BATCH:
            yield from _predicted(batch, names, infer)
            batch = []
    yield from _predicted(batch, names, infer)


def _predictor(place: Path) -> tuple[list[str], Callable[[Sequence[Text]], Floats]]:
    """Gives class names and a function from texts to probabilities (n, C)."""
    if not is_project(place):
        return exported.open_exported(place)
    project = Project.open(place)
    with Store.open(project.store_url, project.key) as store:
        newest, model = open_model(project, store)
        known = {c.id: c.name for c in store.classes()}
        embedder = _embedder(project, store)

    def infer(texts: Sequence[Text]) -> Floats:
        return ops.softmax(model.infer(Inputs(texts, embed=embedder.embed)).logits)

    return [known[class_id] for class_id in newest.class_ids], infer


def _predicted(
    batch: list[Record], names: list[str], infer: Callable[[Sequence[Text]], Floats]
) -> Iterator[dict[str, Any]]:
    if not batch:
        return
    probabilities = infer([r.text if r.text_pair is None else (r.text, r.text_pair) for r in batch])
    for record, p in zip(batch, probabilities, strict=True):
        columns = [f"p({name})" if name in ("id", "label") else name for name in names]
        shown = {name: f"{value:.4f}" for name, value in zip(columns, p.tolist(), strict=True)}
        yield {"id": record.id if record.id is not None else record.row, "label": names[int(p.argmax())]} | shown


def _embedder(project: Project, store: Store) -> CachedEncoder:
    plan = Plan.current(project, store)
    encoder = open_encoder(plan.checkpoint, max_length=plan.max_length)
    return CachedEncoder(encoder, project.cache_dir, len(project.corpus))


def _audit(store: Store, newest: Model) -> dict[str, Any] | None:
    report = store.get(JUDGEMENT)
    written = report is not None and report["model"] == newest.version
    found: dict[str, Any] | None = report["audit"] if written else newest.metrics.get("audit")
    return found


def _facts(project: Project, store: Store, newest: Model, names: list[str]) -> dict[str, Any]:
    """Gives what the model card tells."""
    plan, counts = Plan.current(project, store), store.counts()
    curve = store.get(f"curve/{newest.version}")
    by_name = {c.name: c.labeled for c in store.classes() if c.name in names}
    return {
        "project": project.name,
        "texts": len(project.corpus),
        "labels": counts.labeled,
        "labels_by_class": by_name,
        "trained_on": newest.labels,
        "model": newest.kind,
        "model_version": newest.version,
        "recipe": plan.recipe,
        "checkpoint": plan.checkpoint,
        "strategy": plan.strategy,
        "ratio": plan.ratio,
        "batch": plan.batch,
        "seed": plan.seed,
        "train_seconds": round(newest.train_seconds, 1),
        "audit": _audit(store, newest),
        "curve": curve,
    }

"""Labels out of a project. Models go out in `model_out`, which needs torch; the web process does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tyrogue.corpus.export import export_labels
from tyrogue.corpus.project import Project
from tyrogue.store import LabelRecord, Store, Vote

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
}


def labeled_rows(project: Project, store: Store) -> Iterator[dict[str, Any]]:
    """Gives each labeled text with who labeled it, when, why it was asked and which model chose it."""
    names = {c.id: c.name for c in store.classes()}
    single = _single_labels(store, names)
    for label in store.label_records():
        record = project.corpus.record(label.row)
        yield {
            "row": label.row,
            "id": record.id,
            "text": record.text,
            "text_pair": record.text_pair,
            "meta": record.meta,
            "label": names[label.class_id],
            "kind": label.kind,
            "annotator": label.annotator,
            "created": label.created.isoformat(),
            "model_version": label.model_version,
            "seconds": label.seconds,
            "note": label.note,
            "flagged": label.flagged,
            **(single(label) if single else {}),
        }


def _single_labels(store: Store, names: dict[int, str]) -> Callable[[LabelRecord], dict[str, Any]] | None:
    """Where several people labeled a text: whether they agree, whether that was settled, and who said what."""
    votes: dict[int, list[Vote]] = defaultdict(list)
    for vote in store.votes():
        votes[vote.row].append(vote)
    if all(len(said) < 2 for said in votes.values()):
        return None

    def told(label: LabelRecord) -> dict[str, Any]:
        said = [_single(vote, names) for vote in votes[label.row]]
        return {"agreed": label.agreed, "adjudicated": label.adjudicated, "tied": label.tied, "labels": said}

    return told


def _single(vote: Vote, names: dict[int, str]) -> dict[str, Any]:
    return {
        "annotator": vote.annotator,
        "label": names[vote.class_id],
        "created": vote.created.isoformat(),
        "kind": vote.kind,
        "model_version": vote.model_version,
    }


def export(project: Project, store: Store, path: Path, *, format: str, safe: bool = False) -> int:
    """Writes the labels to `path`; gives their number. `safe` defuses spreadsheet formulas."""
    names = [c.name for c in store.classes(active_only=True)]
    return export_labels(labeled_rows(project, store), path, format=format, class_names=names, safe=safe)

"""Review: labels listed a page at a time, filtered, searched by words and by likeness, looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tyrogue import ops
from tyrogue.corpus.project import Project
from tyrogue.errors import UsageError
from tyrogue.labeling.suspects import suspects
from tyrogue.pool import as_rows
from tyrogue.store import Annotation, Looked, Store, Wanted
from tyrogue.types import Rows

VECTORS = "vectors"
"""The setting: in which folder of the cache the embeddings are."""
LIKE = 1_000
"""Labeled texts that are given as like one."""
CHUNK = 500
"""Found texts whose labels are read at once, to see which of them are wanted."""
COMPARED = 50_000
"""Labeled texts, the newest rows, among which like ones are looked for."""

Json = dict[str, Any]


class Review:
    """What was labeled in one project, to be looked at again.

    Args:
        project: its texts.
        store: its journal.
    """

    def __init__(self, project: Project, store: Store) -> None:
        self.project, self.store = project, store

    def labels(
        self,
        wanted: Wanted,
        *,
        limit: int = 30,
        after: str | None = None,
        query: str | None = None,
        like: int | None = None,
        suspected: bool = False,
    ) -> Json:
        """Gives a page of labels: newest first, or as a search, likeness or suspicion orders them.

        Args:
            wanted: what is listed.
            limit: most that are given.
            after: `next` of the page before.
            query: only texts that hold all these words.
            like: only texts like this row, the likest first.
            suspected: only labels that look like mistakes, the likeliest first.
        """
        if query is None and like is None and not suspected:
            return self._newest(wanted, limit, after)
        return self._ordered(wanted, self._ranked(query, like, suspected=suspected), limit, after)

    def item(self, row: int) -> Json:
        """Gives one text with all that was ever said about it, oldest first."""
        record = self.project.corpus.record(self._checked(row))
        said = self.store.annotations(limit=200, row=row)[::-1]
        undone = self.store.annotations(limit=200, row=row, action="undo")
        events = sorted([*said, *undone], key=lambda one: one.id)
        return {
            "row": row,
            "external_id": record.id,
            "text": record.text,
            "text_pair": record.text_pair,
            "label": self.store.label_of(row),
            "history": [_event(one) for one in events],
        }

    def decide(
        self, row: int, *, token: str, annotator: str, action: str, class_id: int | None, note: str | None
    ) -> Json:
        """Records a second look durably; gives what stands about the row now."""
        self._checked(row)
        made = self.store.review(row=row, token=token, annotator=annotator, action=action, class_id=class_id, note=note)
        now = self._standing([row])
        return {"id": made.id, **(now[0] if now else {"row": row}), "labeled": self.store.labeled()}

    # Pages

    def _newest(self, wanted: Wanted, limit: int, after: str | None) -> Json:
        found = self.store.looked(wanted, limit=limit + 1, after=None if after is None else _cursor(after))
        page, last = found[:limit], found[:limit][-1:]
        more = len(found) > limit and last
        cursor = f"{last[0].created.isoformat() if last[0].created else ''}~{last[0].row}" if more else None
        return {"labels": self._told(page), "next": cursor}

    def _ordered(self, wanted: Wanted, rows: Sequence[int], limit: int, after: str | None) -> Json:
        if after is not None and not (after.isdecimal() and len(after) < 9):
            raise UsageError(f"{after!r} is not the `next` of a page. Leave it out for the first page.")
        start = int(after or 0)
        # Few of the rows may be wanted: what is left of a page is sought further down.
        page: list[Looked] = []
        while start < len(rows) and len(page) < limit:
            some = list(rows[start : start + CHUNK])
            found = {one.row: one for one in self.store.looked(wanted, limit=len(some), rows=some)}
            fitting = [place for place, row in enumerate(some) if row in found][: limit - len(page)]
            page += [found[some[place]] for place in fitting]
            start += fitting[-1] + 1 if len(page) == limit else len(some)
        return {"labels": self._told(page), "next": str(start) if start < len(rows) else None}

    def _ranked(self, query: str | None, like: int | None, *, suspected: bool) -> list[int]:
        """Gives the rows that all of these name, as the first of them orders them."""
        lists = []
        if suspected:
            lists.append(self._suspected())
        if like is not None:
            lists.append(self.similar(like))
        if query is not None:
            decided = self.store.answered_rows()  # in a large pool most texts that hold a word have no label
            lists.append(self.project.corpus.search(query, len(decided), among=decided)[0].tolist())
        allowed = set.intersection(*(set(rows) for rows in lists))
        return [row for row in lists[0] if row in allowed]

    def _suspected(self) -> list[int]:
        told = {one["row"]: one for one in suspects(self.store)}
        still = [r.row for r in self._looked(list(told)) if r.class_id == told[r.row]["label"] and not r.adjudicated]
        return [row for row in told if row in still]

    def similar(self, row: int, limit: int = LIKE) -> list[int]:
        """Gives the labeled rows whose texts are like this one's, the likest first, itself among them.

        Raises:
            UsageError: the text has no embedding yet.
        """
        from tyrogue.encoders.vectors import VectorFile

        folder = self.store.get(VECTORS)
        vectors = None if folder is None else VectorFile.open(self.project.cache_dir / folder)
        one = as_rows([self._checked(row)])
        if vectors is None or not vectors.read(one)[1].all():
            raise UsageError(f"Row {row} has not been embedded yet. Try again when the first model is there.")
        labeled: Rows = self.store.labels()[0][-COMPARED:]
        read, known = vectors.read(labeled)
        mine = ops.unit(vectors.read(one)[0].astype(np.float32))[0]
        likeness = ops.unit(read[known].astype(np.float32)) @ mine
        return [int(found) for found in labeled[known][np.argsort(-likeness, kind="stable")[:limit]]]

    # Parts of the answers

    def _checked(self, row: int) -> int:
        if not 0 <= row < len(self.project.corpus):
            raise UsageError(f"Row {row} is not in this project; it has rows 0 to {len(self.project.corpus) - 1}.")
        return row

    def _looked(self, rows: Sequence[int]) -> list[Looked]:
        return self.store.looked(Wanted(), limit=len(rows), rows=rows) if rows else []

    def _standing(self, rows: Sequence[int]) -> list[Json]:
        return self._told(self._looked(rows))

    def _told(self, page: Sequence[Looked]) -> list[Json]:
        doubts = {one["row"]: one for one in suspects(self.store)}
        records = self.project.corpus.records([one.row for one in page])
        return [_label(one, r.text, r.text_pair, doubts.get(one.row)) for one, r in zip(page, records, strict=True)]


def _label(one: Looked, text: str, text_pair: str | None, doubt: Json | None) -> Json:
    suspicious = doubt is not None and doubt["label"] == one.class_id and not one.adjudicated
    return {
        "row": one.row,
        "text": _short(text),
        "text_pair": None if text_pair is None else _short(text_pair),
        "class_id": one.class_id,
        "kind": one.kind,
        "annotator": one.annotator,
        "created": None if one.created is None else one.created.isoformat(),
        "model_version": one.model_version,
        "round": one.round,
        "note": one.note,
        "flagged": one.flagged,
        "skipped": one.skipped,
        "disputed": not one.agreed and not one.adjudicated,
        "reviewed": one.adjudicated,
        "suspect": {"class_id": doubt["predicted"], "probability": doubt["probability"]}
        if suspicious and doubt
        else None,
    }


def _event(one: Annotation) -> Json:
    return {
        "id": one.id,
        "action": one.action,
        "class_id": one.class_id,
        "note": one.note,
        "annotator": one.annotator,
        "created": one.created.isoformat(),
        "kind": one.kind,
        "model_version": one.model_version,
        "undone": one.undone,
        "undoes": one.undoes,
    }


def _cursor(text: str) -> tuple[datetime, int]:
    created, _, row = text.partition("~")
    try:
        moment = datetime.fromisoformat(created) if created else datetime.max
        return moment.replace(tzinfo=moment.tzinfo or UTC), int(row)
    except ValueError:
        raise UsageError(f"{text!r} is not the `next` of a page. Leave it out for the first page.") from None


def _short(text: str, length: int = 400) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"

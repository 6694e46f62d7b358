"""Draws the map in the trainer, whenever there is nothing else to do.

    principal components at once -> t-SNE in a process of its own -> later texts beside their neighbours, in it too

Places once shown stay: a map that is drawn anew for each batch cannot be learned by heart.
"""

from __future__ import annotations

import sys
import time
import traceback

import numpy as np

from tyrogue import ops
from tyrogue.corpus.project import Project
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.labeling import atlas, layout
from tyrogue.labeling.atlas import Atlas
from tyrogue.labeling.drawing import Drawing, Job
from tyrogue.labeling.others import Others
from tyrogue.labeling.plan import Plan
from tyrogue.labeling.wishes import wanted_lately
from tyrogue.pool import NO_ROWS, Inputs
from tyrogue.store import Round, Store
from tyrogue.types import Floats, Rows

MOST_FITTED = 10_000
"""Points that t-SNE places: about a minute of one core; the others are put beside them."""
ENOUGH = 2_000
"""Texts of a sample that are embedded for the map, where the candidates have no frozen embeddings."""
FEWEST = 10
SLICE = 128
NEIGHBOURS = 4
"""Whose mean place a text takes on a sketch, and where the layout of later texts failed."""
AT_ONCE = 5_000
"""Later texts that are put beside the others together: a few seconds of one core for each thousand."""
GROWN = 4
"""The map is drawn anew, once, when it was begun with so many times fewer points than there are now."""
RETRY_SECONDS = 300.0


class Mapper:
    """Draws the map and says what models and other strategies make of it, a piece at each `step`.

    Args:
        project, store: whose texts, and where the page looks.
        encoder: frozen, with its cache.
        others: says what the model in charge and other strategies think.
        command: lays out vectors; the files are its last arguments.
    """

    def __init__(
        self,
        project: Project,
        store: Store,
        encoder: CachedEncoder,
        others: Others,
        *,
        command: tuple[str, ...] = (sys.executable, "-m", "tyrogue.labeling.layout"),
    ) -> None:
        self.project, self.store, self.encoder, self.others = project, store, encoder, others
        self.drawing = Drawing(atlas.folder(project), command)
        self.atlas = Atlas.load(project, store)
        self._rest_until = 0.0
        self._known: tuple[tuple[object, ...], Rows, Rows] | None = None
        self._sampled: tuple[tuple[object, ...], Rows] | None = None

    def step(self, last: Round | None, plan: Plan, *, busy: bool) -> bool:
        """Does one piece; False when there is none.

        Args:
            busy: a model is being trained: only what somebody waits for is done.
        """
        if last is None or time.monotonic() < self._rest_until or (busy and not wanted_lately(self.store)):
            return False
        try:
            return self._collect() or self._draw(last) or self.others.step(last, plan, self.atlas)
        except Exception:  # a convenience: labeling goes on without it, and it is tried again later
            traceback.print_exc()
            self._rest_until = time.monotonic() + RETRY_SECONDS
            return False

    def waited_for(self, last: Round | None, plan: Plan) -> bool:
        """Whether somebody looks at the map and waits for what takes a moment only."""
        return last is not None and self.others.waited_for(last, plan, self.atlas)

    def close(self) -> None:
        """Ends the process that lays out."""
        self.drawing.close()

    @property
    def busy(self) -> bool:
        """Whether a layout is being computed."""
        return self.drawing.busy

    # The picture

    def _draw(self, last: Round) -> bool:
        sample, marks = self._rows(last)
        wanted = np.union1d(sample, marks)
        if self._embed(sample, marks):
            return True
        ready = wanted[self.encoder.filled(wanted)]
        if len(ready) < FEWEST:
            return False
        if self.atlas is None:
            return self._begin(ready)
        missing = np.setdiff1d(ready, self.atlas.rows)
        if len(missing):
            return self._add(missing, marks)
        return self._lay_out(sample)

    def _rows(self, last: Round) -> tuple[Rows, Rows]:
        """Gives the sample to show, and what must be seen: decided and queued texts.

        A check that nobody has decided yet has no place: found among its neighbours it would be blind no more.
        """
        key = (last.number, last.staged, last.ratio, self.store.journal_position(), self.store.ready())
        if self._known is None or self._known[0] != key:
            queued = np.setdiff1d(self.store.queued_rows(), self.project.corpus.reference)
            marks = np.union1d(self.store.answered_rows(), queued)
            self._known = key, self._sample(last), marks
        return self._known[1], self._known[2]

    def _sample(self, last: Round) -> Rows:
        """Candidates of all rounds, which are uniform samples; where a strategy draws none, a sample of the pool."""
        key = (last.number, last.staged, len(self.project.corpus))
        if self._sampled is None or self._sampled[0] != key:
            found = NO_ROWS
            for number in range(last.number, -1, -1):
                stage = self.store.stage(number)
                fresh = NO_ROWS if stage is None else np.setdiff1d(stage.candidates, found)
                found = np.concatenate([found, fresh])
                if len(found) >= atlas.MOST:
                    break
            n = len(self.project.corpus)
            if not len(found):
                found = np.random.default_rng(0).permutation(n)[: atlas.MOST].astype(np.int64)
                found = np.setdiff1d(found, self.project.corpus.reference)
            self._sampled = key, np.sort(found[: atlas.MOST])
        return self._sampled[1]

    def _embed(self, sample: Rows, marks: Rows) -> bool:
        """Embeds a slice of what must be seen, or of a sample that has hardly any embeddings."""
        filled = self.encoder.filled(sample)
        few = np.random.default_rng(0).permutation(sample[~filled])[: max(ENOUGH - int(filled.sum()), 0)]
        missing = np.concatenate([marks[~self.encoder.filled(marks)], few])[:SLICE]
        if len(missing):
            rows = np.unique(missing)
            self.encoder.embed(Inputs(lambda: self.project.corpus.texts(rows), rows=rows))
        return len(missing) > 0

    def _begin(self, rows: Rows) -> bool:
        version = (self.store.get(atlas.SETTING) or {}).get("version", 0) + 1  # never one that a page has seen
        self._publish(atlas.drawn(rows, layout.principal(self._vectors(rows), 2), "pca", version=version))
        return True

    def _add(self, rows: Rows, marks: Rows) -> bool:
        """Puts texts beside others: by t-SNE, in its process, what must be seen first; on a sketch, or on what is about
        to be drawn anew, at once.
        """
        old, job = self._atlas(), self.drawing.job
        if old.method == "pca" or (job is not None and not job.standing):
            self._publish(old.with_others(rows, self._interpolated(rows, old)))
            return True
        if job is not None:
            return False
        rows = np.sort(rows[np.argsort(~np.isin(rows, marks), kind="stable")][:AT_ONCE])
        known = np.flatnonzero(old.fitted)[:MOST_FITTED]
        job = Job(old.rows[known], rows, standing=True)
        self.drawing.start(job, self._vectors_of(job), old.places[known] * np.float32(old.unit))
        return True

    def _interpolated(self, rows: Rows, old: Atlas) -> Floats:
        known = np.flatnonzero(old.fitted)[:MOST_FITTED]
        return beside(self._vectors(rows), self._vectors(old.rows[known]), old.places[known])

    # t-SNE

    def _lay_out(self, sample: Rows) -> bool:
        """Starts the process, when the picture is a first sketch or was begun with few points."""
        old = self._atlas()
        if self.drawing.busy:
            return False
        usable = sample[self.encoder.filled(sample)]
        grown = min(len(usable), MOST_FITTED) >= GROWN * max(int(old.fitted.sum()), 1)
        if old.method == "tsne" and not grown:
            return False
        if len(usable) < FEWEST:
            usable = old.rows
        chosen = np.sort(np.random.default_rng(0).permutation(usable)[:MOST_FITTED])
        job = Job(chosen, np.setdiff1d(old.rows, chosen), standing=False)
        self.drawing.start(job, self._vectors_of(job))
        return True

    def _collect(self) -> bool:
        """Takes what was laid out."""
        if not self.drawing.finished:
            return False
        job, places = self.drawing.take()
        if job.standing:
            self._added(job, places)
        elif places is None:
            self._rest_until = time.monotonic() + RETRY_SECONDS
        else:
            self._drawn(job, places)
        return True

    def _added(self, job: Job, places: Floats | None) -> None:
        old = self._atlas()
        if places is None:
            found = self._interpolated(job.fresh, old)
        else:
            found = atlas.within(places[len(job.known) :] / np.float32(old.unit))
        self._publish(old.with_others(job.fresh, found))

    def _drawn(self, job: Job, places: Floats) -> None:
        old, rows = self._atlas(), np.concatenate([job.known, job.fresh])
        new = atlas.drawn(rows, places, "tsne", version=old.version + 1, fitted=np.isin(rows, job.known))
        later = np.setdiff1d(old.rows, rows)  # they came while it was being drawn
        self._publish(new if not len(later) else new.with_others(later, self._interpolated(later, new)))

    # Parts

    def _publish(self, new: Atlas) -> None:
        self.atlas = new
        new.save(self.project, self.store)

    def _atlas(self) -> Atlas:
        if self.atlas is None:
            raise RuntimeError("The map was not begun.")
        return self.atlas

    def _vectors_of(self, job: Job) -> Floats:
        return self._vectors(np.concatenate([job.known, job.fresh]))

    def _vectors(self, rows: Rows) -> Floats:
        return ops.unit(self.encoder.embed(Inputs(lambda: self.project.corpus.texts(rows), rows=rows)))


def beside(vectors: Floats, known: Floats, places: Floats, *, block: int = 1024) -> Floats:
    """Gives places (n, 2) for vectors (n, d): the mean of their nearest neighbours' among `known`, the nearest most."""
    found = np.empty((len(vectors), 2), np.float32)
    k = min(NEIGHBOURS, len(known))
    for start in range(0, len(vectors), block):
        likeness = vectors[start : start + block] @ known.T
        nearest = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
        weight = np.maximum(np.take_along_axis(likeness, nearest, axis=1), 1e-3) ** 8
        share = weight / weight.sum(axis=1, keepdims=True)
        found[start : start + block] = (places[nearest] * share[:, :, None]).sum(axis=1)
    return found

"""A look at the texts that nobody waits for: what the model cannot read, or only a part of."""

from __future__ import annotations

import contextlib
import sqlite3
import threading

import numpy as np

from tyrogue.corpus.project import Project
from tyrogue.corpus.writing import measure
from tyrogue.encoders import SentenceEncoder, unknown_script
from tyrogue.errors import TyrogueError
from tyrogue.labeling.plan import Plan
from tyrogue.models import RECIPES
from tyrogue.store import Store

SAMPLE = 300


def survey(project: Project, store: Store, encoder: object) -> threading.Thread:
    """Starts a thread that measures the texts in tokens, once, and notes what users should know of them.

    The notes are settings of the store: `max_tokens`, `cut` (texts longer than that), `language` (a sentence).
    """
    thread = threading.Thread(target=_survey, args=(project, store, encoder), name="survey", daemon=True)
    thread.start()
    return thread


def _survey(project: Project, store: Store, encoder: object) -> None:
    if not isinstance(encoder, SentenceEncoder):
        return
    # A full disk or a locked file: the next start tries again.
    with contextlib.suppress(TyrogueError, OSError, sqlite3.Error):
        n, plan = len(project.corpus), Plan.of(project.settings, store.settings())
        rows = np.sort(np.random.default_rng(0).choice(n, size=min(SAMPLE, n), replace=False)).astype(np.int64)
        store.set("language", unknown_script(project.corpus.texts(rows), encoder) or "")
        read = plan.max_length or encoder.max_length
        if plan.model != "linear":
            read = min(read, RECIPES[plan.recipe].max_length)
        store.set("max_tokens", read)
        if store.get("measured", 0) != n:
            store.set("cut", measure(project.pool_path, lambda texts: encoder.token_lengths(texts).tolist(), read))
            store.set("measured", n)
        project.corpus.index_search()

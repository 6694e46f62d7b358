"""The embeddings of a project as the web process reads them: from the trainer's files, without any model."""

from __future__ import annotations

import numpy as np

from tyrogue import ops
from tyrogue.corpus.project import Project
from tyrogue.encoders.vectors import VectorFile
from tyrogue.labeling.near import Candidates
from tyrogue.pool import NO_ROWS
from tyrogue.types import Rows


class Vectors:
    """Reads what has been embedded so far; knows nothing of what has not.

    Args:
        project: whose cache is read.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._file: VectorFile | None = None

    def of(self, rows: Rows) -> Candidates:
        """Gives those of the rows that are embedded, in their order, with their unit vectors."""
        file = self._open()
        if file is None or not len(rows):
            return Candidates(NO_ROWS, np.empty((0, 0), np.float32))
        vectors, known = file.read(rows)
        return Candidates(rows[known], ops.unit(vectors[known].astype(np.float32)))

    def _open(self) -> VectorFile | None:
        """A project has one encoder; where a setting was changed by hand, the folder written last is its."""
        if self._file is None:
            marks = sorted(self.project.cache_dir.glob("*/marks.u32"), key=lambda path: path.stat().st_mtime)
            self._file = VectorFile.open(marks[-1].parent) if marks else None
        return self._file

"""A layout that is computed in a process of its own, while the trainer does other things."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tyrogue.labeling import atlas
from tyrogue.types import Floats, Rows


class Job(NamedTuple):
    """What is laid out.

    Attributes:
        known: (n,) rows that are laid out, or that stand already.
        fresh: (m,) rows that are put beside them.
        standing: whether the known ones stand already.
    """

    known: Rows
    fresh: Rows
    standing: bool


class Drawing:
    """Runs one layout at a time.

    Args:
        folder: of the files that it is told and answers with.
        command: lays out vectors; the files are its last arguments (`tyrogue.labeling.layout`).
    """

    def __init__(self, folder: Path, command: tuple[str, ...]) -> None:
        self.folder, self.command = folder, command
        self.job: Job | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, job: Job, vectors: Floats, standing: Floats | None = None) -> None:
        """Begins a layout.

        Args:
            vectors: (n + m, d) of the known rows, then of the fresh ones.
            standing: (n, 2) where the known ones stand.
        """
        source, target, places = self._files()
        target.unlink(missing_ok=True)
        atlas.write(source, vectors.astype(np.float16))
        told = [str(source), str(target), str(len(job.known))]
        if standing is not None:
            atlas.write(places, standing)
            told.append(str(places))
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen([*self.command, *told], stdin=subprocess.DEVNULL, env=environment)
        self.job = job

    @property
    def busy(self) -> bool:
        """Whether a layout was begun and not taken yet."""
        return self._process is not None

    @property
    def finished(self) -> bool:
        """Whether a layout waits to be taken."""
        return self._process is not None and self._process.poll() is not None

    def take(self) -> tuple[Job, Floats | None]:
        """Gives what was laid out, with places (n + m, 2), or with None when it failed."""
        if self._process is None or self.job is None:
            raise RuntimeError("Nothing was laid out.")
        job, code = self.job, self._process.wait()
        self._process = self.job = None
        places = atlas.read(self._files()[1])
        for file in self._files():
            file.unlink(missing_ok=True)
        size = (len(job.known) + len(job.fresh), 2)
        usable = not code and places is not None and places.shape == size and bool(np.isfinite(places).all())
        return job, places if usable else None

    def close(self) -> None:
        """Ends the process, whatever it has done so far."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = self.job = None

    def _files(self) -> tuple[Path, Path, Path]:
        return self.folder / "vectors.npy", self.folder / "places.npy", self.folder / "standing.npy"

"""Views whose every number is given, to test a strategy on pools that hurt.

view = hostile("identical", fitted=True)
MyStrategy().query(view, 5, np.random.default_rng(0))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.random import Generator

from tyrogue import ops
from tyrogue.errors import NonFinite, NotFitted
from tyrogue.pool import NO_ROWS, Inputs, Pool, Texts, as_rows
from tyrogue.protocols import Classifier
from tyrogue.types import FitReport, Floats, Inference, Labels, Rows
from tyrogue.view import Mode, PoolView


class GivenEmbedder:
    """Gives the vectors (N, d) it was made with, by row."""

    def __init__(self, vectors: Floats) -> None:
        self.vectors = vectors

    def embed(self, inputs: Inputs) -> Floats:
        return np.asarray(self.vectors[_rows(inputs)], np.float32)


class GivenModel:
    """A classifier with a masked-LM head whose features (N, d) are given by row and whose head is linear.

    Args:
        features: of every row of the pool.
        weights: (d, C) of the head.
        fitted: whether it claims to have seen labels.
    """

    def __init__(self, features: Floats, weights: Floats, *, fitted: bool = True) -> None:
        self._features, self.weights, self.fitted = features, weights, fitted
        self.n_classes, self.version = weights.shape[1], "given"

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        self.fitted = True
        return FitReport(0.0)

    def infer(self, inputs: Inputs) -> Inference:
        features = self.features(inputs)
        return Inference(self.head(features), features)

    def features(self, inputs: Inputs) -> Floats:
        return np.asarray(self._features[_rows(inputs)], np.float32)

    def head(self, features: Floats) -> Floats:
        if not self.fitted:
            raise NotFitted("This model was made without labels.")
        return np.asarray(features @ self.weights, np.float32)

    def sample(self, inputs: Inputs, k: int, *, seed: int) -> Floats:
        features, rng = self.features(inputs), np.random.default_rng(seed)
        keep = rng.random((k, *features.shape)) >= 0.5
        return np.stack([self.head(np.asarray(features * mask * 2, np.float32)) for mask in keep])

    def surprisal(self, inputs: Inputs, *, seed: int) -> Floats:
        features = self.features(inputs)
        sampled = np.random.default_rng(seed).random(features.shape) < 0.5
        return np.asarray(np.abs(features) * sampled, np.float32)

    def save(self, path: Path) -> None:
        raise NotImplementedError("A model with given numbers has nothing to save.")


class WatchedView(PoolView):
    """A view that keeps account of what it was asked.

    Attributes:
        drawn: rows that `draw` gave.
        touched: rows of which anything was computed.
        swept: whether the whole pool was gone through.
        refused: how often NonFinite was raised.
        unfitted: how often NotFitted was raised.
    """

    drawn: set[int]
    touched: set[int]
    swept: bool
    refused: int
    unfitted: int

    def watch(self) -> WatchedView:
        """Starts the account afresh."""
        self.drawn, self.touched, self.swept, self.refused, self.unfitted = set(), set(), False, 0, 0
        return self

    def draw(self, n: int, rng: Generator) -> Rows:
        rows = super().draw(n, rng)
        self.drawn.update(rows.tolist())
        return rows

    def blocks(self, size: int = 4096) -> Iterator[Rows]:
        self.swept = True
        yield from super().blocks(size)

    def static(self, rows: Rows) -> Floats:
        return self._watched(lambda: super(WatchedView, self).static(rows), rows)

    def features(self, rows: Rows) -> Floats:
        return self._watched(lambda: super(WatchedView, self).features(rows), rows)

    def logits(self, rows: Rows) -> Floats:
        return self._watched(lambda: super(WatchedView, self).logits(rows), rows)

    def head(self, features: Floats) -> Floats:
        return self._watched(lambda: super(WatchedView, self).head(features), NO_ROWS)

    def samples(self, rows: Rows, k: int, rng: Generator) -> Floats:
        return self._watched(lambda: super(WatchedView, self).samples(rows, k, rng), rows)

    def surprisal(self, rows: Rows, rng: Generator) -> Floats:
        return self._watched(lambda: super(WatchedView, self).surprisal(rows, rng), rows)

    def _watched(self, answer: Callable[[], Floats], rows: Rows) -> Floats:
        self.touched.update(rows.tolist())
        try:
            return answer()
        except NonFinite:
            self.refused += 1
            raise
        except NotFitted:
            self.unfitted += 1
            raise


def given(
    vectors: Floats,
    weights: Floats,
    *,
    labels: dict[int, int] | None = None,
    closed: Sequence[int] | Rows = NO_ROWS,
    fitted: bool = True,
    static: Floats | None = None,
    texts: Sequence[str] | None = None,
    mode: Mode = "cached",
    round: int = 1,
    before: Floats | None = None,
) -> WatchedView:
    """Gives a view on a pool whose features are `vectors` (N, d) and whose logits are `vectors @ weights`.

    Args:
        labels: class by row.
        closed: rows that cannot be asked about.
        fitted: whether the model has seen labels.
        static: embeddings of the frozen encoder; the same vectors when None.
        texts: of each row; made up when None.
        before: (len(labels), C) predictions before the labels.
    """
    pool = Pool(Texts(texts or [f"text {row}" for row in range(len(vectors))]))
    known = labels or {}
    pool.teach(list(known), list(known.values()))
    pool.close(as_rows(closed))
    view = WatchedView(
        pool,
        GivenModel(vectors, weights, fitted=fitted),
        GivenEmbedder(vectors if static is None else static),
        n_classes=weights.shape[1],
        mode=mode,
        round=round,
        before=before,
    )
    return view.watch()


def blobs(n: int, width: int, n_classes: int, *, seed: int = 0, spread: float = 0.3) -> tuple[Floats, Rows]:
    """Gives unit vectors (n, width) around one direction for each class, and the class (n,) of each."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(n_classes, size=n)
    noise = spread * rng.normal(size=(n, width))
    return ops.unit(np.asarray(np.eye(n_classes, width)[classes] + noise, np.float32)), classes


N_ROWS, N_CLASSES, WIDTH = 40, 3, 8


def _spread(fitted: bool, scale: float = 2.0, one_class: bool = False, labeled: bool = True) -> WatchedView:
    rng = np.random.default_rng(7)
    centers = 2 * np.eye(N_CLASSES, WIDTH)
    classes = rng.integers(N_CLASSES, size=N_ROWS)
    vectors = np.asarray(ops.unit(np.asarray(centers[classes] + rng.normal(size=(N_ROWS, WIDTH)), np.float32)))
    return given(
        vectors,
        np.asarray(scale * np.eye(WIDTH, N_CLASSES), np.float32),
        labels=_labels(classes, one_class) if fitted and labeled else None,
        closed=range(2, N_ROWS, 7),
        fitted=fitted,
        round=int(fitted),
    )


def _identical(fitted: bool) -> WatchedView:
    vectors = np.tile(ops.unit(np.arange(1, WIDTH + 1, dtype=np.float32)[None]), (N_ROWS, 1))
    return given(
        vectors,
        np.eye(WIDTH, N_CLASSES, dtype=np.float32),
        labels=_labels(np.arange(N_ROWS) % N_CLASSES) if fitted else None,
        closed=range(2, N_ROWS, 7),
        fitted=fitted,
        texts=["the same text"] * N_ROWS,
        round=int(fitted),
    )


def _tiny(fitted: bool) -> WatchedView:
    """Two open rows between a labeled and a closed one."""
    vectors = np.eye(4, WIDTH, dtype=np.float32)
    known = {0: 0} if fitted else None
    closed = [3] if fitted else [0, 3]
    return given(
        vectors, np.eye(WIDTH, N_CLASSES, dtype=np.float32), labels=known, closed=closed, fitted=fitted,
        round=int(fitted),
    )  # fmt: skip


def _broken(fitted: bool) -> WatchedView:
    view = _spread(fitted)
    model = view.model
    assert isinstance(model, GivenModel)
    model._features = np.full_like(model._features, np.nan)
    return view


def _labels(classes: Rows, one_class: bool = False) -> dict[int, int]:
    return {row: 0 if one_class else int(classes[row]) for row in range(0, len(classes), 4)}


HOSTILE: dict[str, Callable[[bool], WatchedView]] = {
    "spread": _spread,
    "identical": _identical,
    "certain": lambda fitted: _spread(fitted, scale=1e4),
    "uniform": lambda fitted: _spread(fitted, scale=0.0),
    "one labeled class": lambda fitted: _spread(fitted, one_class=True),
    "labels taken back": lambda fitted: _spread(fitted, labeled=False),
    "tiny": _tiny,
    "not finite": _broken,
}
"""By what is wrong with them; each takes whether the model is fitted. Labeled and closed rows lie between the open."""


def hostile(name: str, *, fitted: bool) -> WatchedView:
    """Gives the view of this name, with its account started afresh."""
    return HOSTILE[name](fitted)


def _rows(inputs: Inputs) -> Rows:
    if inputs.rows is None:
        raise ValueError("Given numbers belong to rows of a pool; these inputs have none.")
    return inputs.rows

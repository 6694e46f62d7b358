"""The seams: what a corpus, an encoder, a model, a view and a strategy promise to one another.

Each has a contract suite in `tyrogue.testing`; whoever writes a new one runs that suite on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from numpy.random import Generator

from tyrogue.types import FitReport, Floats, Inference, Labels, Rows, Selection, Stage, Text

if TYPE_CHECKING:
    from tyrogue.pool import Inputs


class Corpus(Protocol):
    """Texts by row: random access, never loaded whole."""

    def __len__(self) -> int: ...

    def texts(self, rows: Rows) -> list[Text]:
        """Gives the texts of these rows, in this order."""
        ...

    def duplicates(self, rows: Rows) -> Rows:
        """Gives the other rows that hold exactly one of these texts, sorted."""
        ...


class Encoder(Protocol):
    """A frozen sentence encoder."""

    @property
    def fingerprint(self) -> str:
        """Names weights, pooling and maximum length: the key of the embedding cache."""
        ...

    @property
    def dimension(self) -> int: ...

    def encode(self, texts: Sequence[Text]) -> Floats:
        """Gives embeddings, shape (n, dimension), float32; a text's row does not depend on its neighbours."""
        ...


class Classifier(Protocol):
    """A model that learns classes from texts."""

    @property
    def n_classes(self) -> int: ...
    @property
    def fitted(self) -> bool: ...
    @property
    def version(self) -> str:
        """Changes with every fit; stored with each item that the model chose."""
        ...

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        """Learns `labels` (n,) of `inputs` (n texts); from `start` when given (the paper), else afresh."""
        ...

    def infer(self, inputs: Inputs) -> Inference:
        """Gives logits (n, n_classes) and features (n, d) from one pass. Pure and thread-safe.

        Raises:
            NotFitted: logits were asked before `fit`; `features` works before (pre-trained weights).
        """
        ...

    def features(self, inputs: Inputs) -> Floats:
        """Gives the head's input (n, d); works before `fit`, from the pre-trained weights."""
        ...

    def head(self, features: Floats) -> Floats:
        """Gives the logits (n, n_classes) of given features (n, d)."""
        ...

    def sample(self, inputs: Inputs, k: int, *, seed: int) -> Floats:
        """Gives logits (k, n, n_classes) of k passes with dropout on (Monte-Carlo dropout)."""
        ...

    def save(self, path: Path) -> None:
        """Writes safetensors and JSON into the folder `path`, atomically; never pickle."""
        ...


@runtime_checkable
class MaskedLM(Protocol):
    """A model with a masked-LM head over its vocabulary (what ALPS needs)."""

    def surprisal(self, inputs: Inputs, *, seed: int) -> Floats:
        """Gives (n, length) cross-entropy at 15% sampled positions and 0 elsewhere (Yuan et al., 2020)."""
        ...


class View(Protocol):
    """All that a strategy may know, computed lazily and remembered for the round."""

    @property
    def round(self) -> int: ...
    @property
    def size(self) -> int:
        """Number of open rows: those that `draw` can give."""
        ...

    @property
    def fitted(self) -> bool: ...
    @property
    def n_classes(self) -> int: ...
    @property
    def labeled(self) -> Rows: ...
    @property
    def labels(self) -> Labels:
        """Aligned with `labeled`."""
        ...

    @property
    def reference(self) -> Rows: ...
    @property
    def before(self) -> Floats:
        """(len(labeled), n_classes) probabilities just before each label was given; NaN where there were none."""
        ...

    def draw(self, n: int, rng: Generator) -> Rows:
        """Gives min(n, size) open rows, uniform, without replacement, in O(n + labeled + closed)."""
        ...

    def blocks(self, size: int = 4096) -> Iterator[Rows]:
        """Gives the whole open pool in ascending blocks.

        What is computed on a block (this very array) is kept until the next one: its features and its
        logits cost one pass, and a sweep costs one block of memory.
        """
        ...

    def texts(self, rows: Rows) -> Sequence[Text]: ...

    def static(self, rows: Rows) -> Floats:
        """Embeddings (n, d) of the frozen encoder, cached."""
        ...

    def features(self, rows: Rows) -> Floats:
        """Features (n, d) of the current model (of its pre-trained weights before it is fitted)."""
        ...

    def embeddings(self, rows: Rows) -> Floats:
        """`static` or `features`: the run's mode, `cached` or `current`."""
        ...

    def logits(self, rows: Rows) -> Floats:
        """Logits (n, C) of the current model, computed only for these rows; NotFitted, NonFinite."""
        ...

    def probabilities(self, rows: Rows) -> Floats:
        """The softmax of `logits`."""
        ...

    def head(self, features: Floats) -> Floats:
        """Logits (n, C) that the current model's head gives to these features (n, d)."""
        ...

    def samples(self, rows: Rows, k: int, rng: Generator) -> Floats:
        """Logits (k, n, C) of k passes with dropout on."""
        ...

    def surprisal(self, rows: Rows, rng: Generator) -> Floats:
        """Masked-LM losses (n, length) of the pre-trained model; MissingHead."""
        ...


class Strategy(Protocol):
    """An acquisition function: a frozen dataclass whose fields are its hyperparameters."""

    cold_start: ClassVar[bool]
    """Works on a view that is not fitted. The learner alone falls back to Random for the others."""
    whole_pool: ClassVar[bool]
    """Looks at every open row, so its cost grows with the pool."""

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        """Gives at least min(n, view.size) distinct open rows, best first."""
        ...


@runtime_checkable
class Staged(Protocol):
    """A strategy that does its label-independent part ahead: query = rank(stage)."""

    cold_start: ClassVar[bool]
    whole_pool: ClassVar[bool]

    def query(self, view: View, n: int, rng: Generator) -> Selection: ...

    def stage(self, view: View, n: int, rng: Generator) -> Stage:
        """Does all that needs neither labels nor the current model's logits."""
        ...

    def rank(self, view: View, stage: Stage, n: int) -> Selection:
        """Ranks a stage with the current model. Moving the dial is ranking again."""
        ...

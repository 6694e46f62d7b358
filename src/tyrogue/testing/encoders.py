"""What every encoder, and every cache of one, must do. Parametrize a test over `ENCODER_CHECKS` and `CACHE_CHECKS`:

@pytest.mark.parametrize("check", ENCODER_CHECKS, ids=name)
def test_my_encoder(check):
    check(my_encoder)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from tyrogue.pool import Inputs
from tyrogue.protocols import Encoder
from tyrogue.types import Floats, Rows, Text
from tyrogue.view import Embedder

TEXTS: tuple[str, ...] = (
    "good",
    "A good day for a walk in the hills, said the man with the dog.",
    "bad news from the market today",
    "",
    "  \n\t ",
    "naïve café 漢字 नमस्ते שלום 🎉👩‍👩‍👧",
    "bad " * 900,
    "x" * 5000,
    "nul \x00 byte, half a surrogate \ud83d",
    "good",
)
PAIRS: tuple[tuple[str, str], ...] = tuple(zip(TEXTS, reversed(TEXTS), strict=True))

TOLERANCE = {"float32": 1e-5, "bfloat16": 5e-3}
"""Largest difference that the neighbours in a batch may make to a unit vector: products are summed in blocks."""

EncoderMaker = Callable[[], Encoder]
CacheMaker = Callable[[Encoder, Path | None], Embedder]


def name(check: object) -> str:
    """Gives a check's name, for test ids."""
    return getattr(check, "__name__", repr(check)).removeprefix("check_")


def tolerance(model: object) -> float:
    """Gives what the neighbours in a batch may change, from the model's own `dtype`."""
    return TOLERANCE["bfloat16" if "bfloat16" in str(getattr(model, "dtype", "float32")) else "float32"]


@contextmanager
def generators_untouched() -> Iterator[None]:
    """Fails when the global generators of numpy or torch were used inside."""
    import torch

    numpy_before, torch_before = np.random.get_state(), torch.random.get_rng_state()  # noqa: NPY002
    yield
    numpy_after = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(numpy_before, numpy_after, strict=True)), "numpy's generator moved"
    assert torch.equal(torch_before, torch.random.get_rng_state()), "torch's generator moved"


def check_shape(make: EncoderMaker) -> None:
    """One finite float32 vector a text, whatever is in it; none for none."""
    encoder = make()
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    empty = encoder.encode([])
    assert empty.shape == (0, encoder.dimension)
    assert empty.dtype == np.float32


def check_pairs(make: EncoderMaker) -> None:
    """Pairs are taken; their order matters, and both texts do."""
    pairs: list[Text] = [("good day", "bad day"), ("bad day", "good day"), ("good day", "a dog")]
    vectors = make().encode(pairs)
    assert vectors.ndim == 2
    assert len(np.unique(vectors, axis=0)) == len(pairs)
    assert np.isfinite(make().encode(PAIRS)).all()


def check_neighbours(make: EncoderMaker) -> None:
    """A text's vector depends neither on the other texts nor on their order."""
    encoder = make()
    together, atol = encoder.encode(TEXTS), tolerance(encoder)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert_allclose(together, alone, atol=atol * scale(alone))
    backwards = encoder.encode(TEXTS[::-1])[::-1]
    assert_allclose(together, backwards, atol=atol * scale(alone))


def check_tells_apart(make: EncoderMaker) -> None:
    """Different texts have different vectors."""
    vectors = make().encode(["good", "bad news from the market", "a dog"])
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    assert distances[~np.eye(3, dtype=bool)].min() > 1e-3


def check_fingerprint(make: EncoderMaker) -> None:
    """The same encoder has the same fingerprint, and it can name a folder."""
    first, second = make(), make()
    first.encode(["good"])
    assert first.fingerprint == second.fingerprint
    assert first.fingerprint
    assert first.fingerprint == Path(first.fingerprint).name


def check_threads(make: EncoderMaker) -> None:
    """Threads that encode at the same time get what one alone gets."""
    encoder = make()
    expected, results = encoder.encode(TEXTS), {}

    def work(i: int) -> None:
        results[i] = encoder.encode(TEXTS)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results.values():
        assert_allclose(result, expected, atol=tolerance(encoder) * scale(expected))


def check_generators(make: EncoderMaker) -> None:
    """Nothing touches the global random generators."""
    with generators_untouched():
        make().encode(TEXTS[:3])


ENCODER_CHECKS: tuple[Callable[[EncoderMaker], None], ...] = (
    check_shape,
    check_pairs,
    check_neighbours,
    check_tells_apart,
    check_fingerprint,
    check_threads,
    check_generators,
)


class Counting:
    """An encoder that notes what it was asked to encode."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder, self.asked = encoder, list[Text]()

    @property
    def fingerprint(self) -> str:
        return self.encoder.fingerprint

    @property
    def dimension(self) -> int:
        return self.encoder.dimension

    def encode(self, texts: Sequence[Text]) -> Floats:
        self.asked.extend(texts)
        return self.encoder.encode(texts)


def inputs_of(rows: Sequence[int] | Rows, texts: Sequence[Text] = TEXTS) -> Inputs:
    """Gives these rows of `texts`, fetched only when they are needed."""
    rows = np.asarray(rows, np.int64)
    return Inputs(lambda: [texts[row] for row in rows.tolist()], rows=rows)


def check_cached_equals_encoded(encoder: Encoder, make: CacheMaker, folder: Path | None) -> None:
    """Each row gets its own vector, in any order, with repetitions."""
    cache, expected = make(encoder, folder), encoder.encode(TEXTS)
    atol = 2e-3 * scale(expected) + tolerance(encoder) * scale(expected)
    for rows in ([3, 1], [0, 1, 2, 3], [5, 5, 0, 7, 0], list(range(len(TEXTS)))[::-1], []):
        vectors = cache.embed(inputs_of(rows))
        assert vectors.dtype == np.float32
        assert_allclose(vectors, expected[rows], atol=atol)


def check_second_call_is_free(encoder: Encoder, make: CacheMaker, folder: Path | None) -> None:
    """A row is encoded once, and the second answer is the first one."""
    counting = Counting(encoder)
    cache = make(counting, folder)
    first = cache.embed(inputs_of([4, 2, 0]))
    counting.asked.clear()
    unread = Inputs(_unexpected, rows=np.array([2, 4], np.int64))
    assert_array_equal(cache.embed(unread), first[[1, 0]])
    assert not counting.asked
    cache.embed(inputs_of([2, 7, 4]))
    assert counting.asked in ([TEXTS[7]], [TEXTS[7]] * 2)


def check_outside_texts(encoder: Encoder, make: CacheMaker, folder: Path | None) -> None:
    """Texts without rows are encoded, and are not taken for rows."""
    cache = make(encoder, folder)
    cache.embed(inputs_of([0, 1, 2]))
    vectors = cache.embed(Inputs(["bad news", "good"]))
    assert_allclose(vectors, encoder.encode(["bad news", "good"]), atol=2e-3 * scale(vectors))


def check_shared_folder(encoder: Encoder, make: CacheMaker, folder: Path | None) -> None:
    """What one cache stored, another one on the same folder finds; another encoder does not."""
    if folder is None:
        return
    first = make(encoder, folder).embed(inputs_of([6, 1]))
    counting = Counting(encoder)
    assert_array_equal(make(counting, folder).embed(inputs_of([1, 6])), first[::-1])
    assert not counting.asked
    other = Renamed(encoder)
    make(other, folder).embed(inputs_of([1]))
    assert other.asked


class Renamed(Counting):
    """The same encoder under another fingerprint."""

    @property
    def fingerprint(self) -> str:
        return "other-" + self.encoder.fingerprint[:8]


CACHE_CHECKS: tuple[Callable[[Encoder, CacheMaker, Path | None], None], ...] = (
    check_cached_equals_encoded,
    check_second_call_is_free,
    check_outside_texts,
    check_shared_folder,
)


def scale(vectors: Floats) -> float:
    """Gives the length of a typical vector, at least 1: tolerances are meant for unit vectors."""
    return max(1.0, float(np.median(np.linalg.norm(vectors, axis=-1)))) if len(vectors) else 1.0


def _unexpected() -> Sequence[Text]:
    raise AssertionError("texts were fetched though their embeddings are cached")

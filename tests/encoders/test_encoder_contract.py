"""The encoder contract on ours, and the mistakes that it catches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tyrogue.encoders import CachedEncoder, SentenceEncoder, open_encoder
from tyrogue.pool import Inputs
from tyrogue.protocols import Encoder
from tyrogue.testing.checkpoints import tiny_checkpoint
from tyrogue.testing.encoders import CACHE_CHECKS, ENCODER_CHECKS, CacheMaker, EncoderMaker, name
from tyrogue.types import Floats, Text
from tyrogue.view import Embedder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "mean", words=["good", "bad", "day", "news", "dog"]))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("check", ENCODER_CHECKS, ids=name)
def test_tiny_encoder(check: Callable[[EncoderMaker], None], precision: str, tiny: str) -> None:
    check(lambda: open_encoder(tiny, device="cpu", precision=precision))  # type: ignore[arg-type]


@pytest.mark.parametrize("check", ENCODER_CHECKS[:3], ids=name)
def test_default_encoder(check: Callable[[EncoderMaker], None]) -> None:
    encoder = open_encoder(device="cpu", max_length=64)
    check(lambda: encoder)


@pytest.mark.parametrize("on_disk", [True, False], ids=["disk", "memory"])
@pytest.mark.parametrize("check", CACHE_CHECKS, ids=name)
def test_cache(
    check: Callable[[Encoder, CacheMaker, Path | None], None], on_disk: bool, tiny: str, tmp_path: Path
) -> None:
    encoder = open_encoder(tiny, device="cpu", precision="float32")
    check(encoder, lambda e, folder: CachedEncoder(e, folder), tmp_path if on_disk else None)


class Wrapped:
    def __init__(self, encoder: SentenceEncoder) -> None:
        self.encoder, self.dimension = encoder, encoder.dimension
        self.fingerprint = encoder.fingerprint

    def encode(self, texts: Sequence[Text]) -> Floats:
        return self.encoder.encode(texts)


class Centered(Wrapped):
    def encode(self, texts: Sequence[Text]) -> Floats:
        vectors = self.encoder.encode(texts)
        return vectors - vectors.mean(0) if len(vectors) else vectors


class Shuffling(Wrapped):
    def encode(self, texts: Sequence[Text]) -> Floats:
        torch.rand(1)
        return self.encoder.encode(texts)


class Unstable(Wrapped):
    def __init__(self, encoder: SentenceEncoder) -> None:
        super().__init__(encoder)
        self.fingerprint = f"{id(self)}"


class ForgetsSecondText(Wrapped):
    def encode(self, texts: Sequence[Text]) -> Floats:
        return self.encoder.encode([t[0] if isinstance(t, tuple) else t for t in texts])


class Doubles(Wrapped):
    def encode(self, texts: Sequence[Text]) -> Floats:
        return self.encoder.encode(texts).astype(np.float64)


@pytest.mark.parametrize("broken", [Centered, Shuffling, Unstable, ForgetsSecondText, Doubles])
def test_planted_encoder_mistakes_are_caught(broken: type[Wrapped], tiny: str) -> None:
    encoder, caught = open_encoder(tiny, device="cpu", precision="float32"), []
    kept: list[Wrapped] = []

    def make() -> Encoder:
        kept.append(broken(encoder))
        return kept[-1]

    for check in ENCODER_CHECKS:
        try:
            check(make)
        except AssertionError:
            caught.append(name(check))
    expected = {
        Centered: "neighbours",
        Shuffling: "generators",
        Unstable: "fingerprint",
        ForgetsSecondText: "pairs",
        Doubles: "shape",
    }
    assert expected[broken] in caught


class WrongRows:
    """Keeps vectors in the order of arrival, but reads them by sorted row."""

    def __init__(self, encoder: Encoder, folder: Path | None) -> None:
        self.cache = CachedEncoder(encoder, folder)

    def embed(self, inputs: Inputs) -> Floats:
        if inputs.rows is None or not len(inputs):
            return self.cache.embed(inputs)
        return self.cache.embed(inputs)[np.argsort(inputs.rows, kind="stable")]


class NeverKeeps:
    def __init__(self, encoder: Encoder, folder: Path | None) -> None:
        self.encoder = encoder

    def embed(self, inputs: Inputs) -> Floats:
        return self.encoder.encode(inputs.texts)


class OneFolderForAll(CachedEncoder):
    def __init__(self, encoder: Encoder, folder: Path | None) -> None:
        super().__init__(encoder, folder)
        self._folders = lambda folder: [folder / "vectors"]  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (WrongRows, "cached_equals_encoded"),
        (NeverKeeps, "second_call_is_free"),
        (OneFolderForAll, "shared_folder"),
    ],
)
def test_planted_cache_mistakes_are_caught(
    broken: Callable[[Encoder, Path | None], Embedder], expected: str, tiny: str, tmp_path: Path
) -> None:
    encoder, caught = open_encoder(tiny, device="cpu", precision="float32"), []
    for i, check in enumerate(CACHE_CHECKS):
        try:
            check(encoder, broken, tmp_path / str(i))
        except AssertionError:
            caught.append(name(check))
    assert expected in caught

"""Ours against plain sentence-transformers, and what is said when a model cannot be had."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tyrogue.backbone import source
from tyrogue.encoders import open_encoder
from tyrogue.errors import BadInput, CorruptModel
from tyrogue.testing.checkpoints import tiny_checkpoint

TEXTS = ["Oil prices rose on Tuesday.", "The striker scored twice.", "", "a " * 400, "New chip, half the power 🎉"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "cls", "cls")


def test_default_equals_plain_sentence_transformers() -> None:
    encoder = open_encoder(device="cpu", precision="float32")
    plain = encoder.model.encode(TEXTS, show_progress_bar=False)
    assert encoder.dimension == 384
    assert encoder.max_length == 256
    assert_allclose(encoder.encode(TEXTS), plain, atol=1e-5)


def test_bfloat16_is_near_float32() -> None:
    exact = open_encoder(device="cpu", precision="float32").encode(TEXTS)
    fast = open_encoder(device="cpu", precision="bfloat16").encode(TEXTS)
    assert np.abs(exact - fast).max() < 5e-3
    assert ((exact * fast).sum(1) > 0.999).all()


def test_pooling_is_the_checkpoints(tiny: Path) -> None:
    encoder = open_encoder(str(tiny), device="cpu", precision="float32")
    plain = encoder.model.encode(["some words", "others"], show_progress_bar=False)
    assert encoder.max_length == 48
    assert_allclose(encoder.encode(["some words", "others"]), plain, atol=1e-5)


def test_pairs_are_five_blocks(tiny: Path) -> None:
    encoder = open_encoder(str(tiny), device="cpu", precision="float32")
    d = encoder.dimension
    vectors = encoder.encode([("one text", "and another"), ("", "x")])
    u, v = encoder.encode(["one text", ""]), encoder.encode(["and another", "x"])
    assert vectors.shape == (2, encoder.pair_dimension) == (2, 5 * d)
    expected = np.hstack([u, v, abs(u - v), np.sqrt(d) * u * v])
    assert_allclose(vectors[:, : 4 * d], expected, atol=1e-5)
    joint = encoder.model.encode([["one text", "and another"], ["", "x"]], show_progress_bar=False)
    assert_allclose(vectors[:, 4 * d :], joint, atol=1e-5)


def test_singles_and_pairs_do_not_mix(tiny: Path) -> None:
    with pytest.raises(BadInput, match="mixed"):
        open_encoder(str(tiny), device="cpu").encode(["one", ("a", "pair")])


def test_token_lengths_count_what_is_cut(tiny: Path) -> None:
    encoder = open_encoder(str(tiny), device="cpu")
    lengths = encoder.token_lengths(["", "abc", "a " * 100])
    assert lengths.tolist() == [2, 5, 102]
    assert encoder.token_lengths([]).shape == (0,)
    assert encoder.token_lengths([("abc", "a")]).tolist() == [7]


@pytest.mark.parametrize("length", [0, 1, 65])
def test_maximum_length_is_checked(length: int, tiny: Path) -> None:
    with pytest.raises(BadInput, match="It takes 2 to 64"):
        open_encoder(str(tiny), device="cpu", max_length=length)


def test_fingerprint_follows_weights_and_length(tiny: Path, tmp_path: Path) -> None:
    other = tiny_checkpoint(tmp_path / "other", "cls", words=["word"])
    prints = [
        open_encoder(str(tiny), device="cpu").fingerprint,
        open_encoder(str(tiny), device="cpu", max_length=32).fingerprint,
        open_encoder(str(other), device="cpu").fingerprint,
        open_encoder(str(tiny_checkpoint(tmp_path / "mean", "mean")), device="cpu").fingerprint,
    ]
    assert len(set(prints)) == len(prints)
    assert open_encoder(str(tiny), device="cpu", precision="float32").fingerprint == prints[0]


def test_altered_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = source.packaged_folder()
    assert package is not None
    copy = tmp_path / "model"
    shutil.copytree(package, copy)
    with (copy / "model.safetensors").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\x01\x02\x03")
    monkeypatch.setattr(source, "packaged_folder", lambda: copy)
    with pytest.raises(CorruptModel, match="Install it again"):
        open_encoder(device="cpu")
    (copy / "model.safetensors").unlink()
    source.verified.cache_clear()
    with pytest.raises(CorruptModel, match="missing"):
        open_encoder(device="cpu")
    source.verified.cache_clear()


def test_hub_out_of_reach_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match=r"Offline, copy the model's folder"):
        open_encoder("nobody/no-such-model", device="cpu")
    with pytest.raises(BadInput, match="no model folder"):
        open_encoder(str(tmp_path / "nothing"), device="cpu")


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BadInput, match="could not be loaded"):
        open_encoder(str(tmp_path), device="cpu")

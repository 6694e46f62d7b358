"""Exported folders against plain transformers, and encoder-plus-head exports run by their own instructions."""

from __future__ import annotations

import gc
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from transformers import AutoConfig, AutoTokenizer, pipeline

from tyrogue import ops
from tyrogue.encoders import CachedEncoder, open_encoder
from tyrogue.errors import CorruptModel, NotFitted, ProjectError, UsageError
from tyrogue.models import RECIPES, LinearClassifier, TransformerClassifier
from tyrogue.models.export import export_model, open_exported
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.testing.checkpoints import Kind, tiny_checkpoint
from tyrogue.testing.models import toy
from tyrogue.types import Floats, Text

NAMES = ["bad", "good"]
RECIPE = replace(RECIPES["finetune"], min_steps=15, epochs=1, lr=1e-3, precision="float32")
TEXTS = ["good day", "bad", "", "a longer text about a good day " * 20, "naïve 漢字 🎉", "x", "two words"]
FACTS: dict[str, Any] = {
    "data": "reviews.csv | 12,000 texts",
    "seeds": [0, 1],
    "metrics": {"macro-F1": (0.87, 0.85, 0.89), "accuracy": 0.9},
}


def by_pipeline(folder: Path, texts: Sequence[Any]) -> Floats:
    classify = pipeline("text-classification", str(folder), top_k=None, device="cpu")
    labels = list(classify.model.config.id2label.values())
    # A dict is answered with a list, a str with a list of one list.
    answers = [a[0] if isinstance(a[0], list) else a for a in (classify(text, truncation=True) for text in texts)]
    return np.array([[next(x["score"] for x in a if x["label"] == label) for label in labels] for a in answers])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints")


def checkpoint(base: Path, kind: Kind) -> str:
    if not (base / kind).exists():
        tiny_checkpoint(base / kind, kind, words=["good", "bad", "day"])
    return str(base / kind)


def fitted_linear(name: str, texts: Sequence[Text] = (), **options: Any) -> LinearClassifier:
    encoder = open_encoder(name, device="cpu", precision="float32", **options)
    model = LinearClassifier(2, CachedEncoder(encoder, None))
    texts = list(texts) or list(toy().texts)
    model.fit(Inputs(texts), (np.arange(len(texts)) < len(texts) // 2).astype(np.int64), seed=0)
    return model


def fitted_transformer(name: str) -> TransformerClassifier:
    model = TransformerClassifier(2, name, RECIPE, device="cpu")
    model.fit(Inputs(toy().texts), toy().labels, seed=0)
    return model


def check_stock(model: Classifier, folder: Path, length: int, texts: Sequence[str] = TEXTS) -> None:
    report = export_model(model, folder, class_names=NAMES, facts=FACTS)
    assert report.stock, report.message
    assert report.difference < 1e-3
    assert "pipeline" in report.message
    assert_allclose(by_pipeline(folder, texts), ops.softmax(model.infer(Inputs(texts)).logits), atol=1e-3)
    names, infer = open_exported(folder, device="cpu")
    assert names == NAMES
    # Opened again it runs in bfloat16 where the CPU has it.
    assert_allclose(infer(texts), ops.softmax(model.infer(Inputs(texts)).logits), atol=0.1)
    assert infer([]).shape == (0, 2)
    assert AutoTokenizer.from_pretrained(folder).model_max_length == length
    assert AutoConfig.from_pretrained(folder).id2label == dict(enumerate(NAMES))
    files = {path.name for path in folder.iterdir()}
    assert {"model.safetensors", "config.json", "README.md", "tokenizer.json", "tyrogue.json"} <= files
    assert not [n for n in files if n.endswith((".bin", ".pkl", ".pt"))]


@pytest.mark.parametrize("kind", ["mean", "cls", "pooler", "roberta", "distilbert"])
def test_transformer_is_stock(kind: Kind, base: Path, tmp_path: Path) -> None:
    model = fitted_transformer(checkpoint(base, kind))
    check_stock(model, tmp_path / "model", model.max_length)


@pytest.mark.parametrize("kind", ["mean", "cls", "distilbert"])
def test_linear_is_stock(kind: Kind, base: Path, tmp_path: Path) -> None:
    model = fitted_linear(checkpoint(base, kind))
    check_stock(model, tmp_path / "model", 48 if kind in ("mean", "cls") else 64)


def test_linear_on_the_default_encoder(tmp_path: Path) -> None:
    check_stock(fitted_linear("default"), tmp_path / "model", 256)


def test_real_news(datasets_dir: Path, tmp_path: Path) -> None:
    """Both kinds on the default weights, trained on AG News, asked about its test texts."""
    import pyarrow.parquet as pq

    train = pq.read_table(datasets_dir / "ag_news" / "train.parquet").slice(0, 40)
    texts = pq.read_table(datasets_dir / "ag_news" / "test.parquet")["text"].to_pylist()[:20]
    labels = train["label"].to_numpy().astype(np.int64)
    names = ["World", "Sports", "Business", "Sci/Tech"]
    encoder = CachedEncoder(open_encoder(device="cpu", precision="float32", max_length=64), None)
    recipe = replace(RECIPES["finetune"], min_steps=6, epochs=1, max_length=64, precision="float32")
    models: list[Classifier] = [LinearClassifier(4, encoder), TransformerClassifier(4, recipe=recipe, device="cpu")]
    for i, model in enumerate(models):
        model.fit(Inputs(train["text"].to_pylist()), labels, seed=0)
        assert export_model(model, tmp_path / str(i), class_names=names, facts={}).stock
        expected = ops.softmax(model.infer(Inputs(texts)).logits)
        assert expected.max() > 0.6  # not the same for all
        assert_allclose(by_pipeline(tmp_path / str(i), texts), expected, atol=1e-3)


def test_transformer_on_pairs_is_stock(base: Path, tmp_path: Path) -> None:
    pairs = [("good day", "good"), ("good", "bad day"), ("", "bad")] * 4
    model = TransformerClassifier(2, checkpoint(base, "mean"), RECIPE, device="cpu")
    model.fit(Inputs(pairs), np.array([1, 0, 0] * 4, np.int64), seed=0)
    assert export_model(model, tmp_path / "m", class_names=NAMES, facts={}).stock
    asked = [{"text": a, "text_pair": b} for a, b in pairs[:3]]
    assert_allclose(by_pipeline(tmp_path / "m", asked), ops.softmax(model.infer(Inputs(pairs[:3])).logits), atol=1e-3)


def run_instructions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Floats:
    """Runs the model card's own Python in the folder and gives its `p`."""
    code = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)[0]
    found: dict[str, Any] = {}
    with monkeypatch.context() as inside, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it leaves a file open, as snippets do
        inside.chdir(folder)
        exec(code, found)
        gc.collect()
    return np.asarray(found["p"], np.float32)


def test_linear_on_pairs_exports_encoder_and_head(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [(f"good day {i}", f"dog {i}") for i in range(8)] + [(f"bad {i}", f"x {i}") for i in range(8)]
    model = fitted_linear(checkpoint(base, "mean"), pairs)
    report = export_model(model, tmp_path / "model", class_names=NAMES, facts=FACTS)
    assert not report.stock
    assert "encoder and its head" in report.message
    expected = ops.softmax(model.infer(Inputs([("a text", "the other one")])).logits)
    assert_allclose(run_instructions(tmp_path / "model", monkeypatch), expected, atol=1e-3)
    names, infer = open_exported(tmp_path / "model", device="cpu")
    assert names == NAMES
    assert_allclose(infer([("a text", "the other one")]), expected, atol=1e-3)


def test_what_no_architecture_expresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Max pooling: encoder and head, and the card's instructions give the same probabilities."""
    folder = tiny_checkpoint(tmp_path / "max", "mean", words=["good", "bad", "day"])
    pooling = {"word_embedding_dimension": 32, "pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    asked = Inputs(["a text", "another"])
    models: list[Classifier] = [fitted_transformer(str(folder)), fitted_linear(str(folder))]
    for i, model in enumerate(models):
        report = export_model(model, tmp_path / str(i), class_names=NAMES, facts={})
        assert not report.stock
        expected = ops.softmax(model.infer(asked).logits)
        assert_allclose(run_instructions(tmp_path / str(i), monkeypatch), expected, atol=1e-3)
        assert_allclose(open_exported(tmp_path / str(i), device="cpu")[1](asked.texts), expected, atol=0.05)


def test_the_card_tells_the_session(base: Path, tmp_path: Path) -> None:
    export_model(fitted_linear(checkpoint(base, "mean")), tmp_path / "m", class_names=["<b>bad", "go|od"], facts=FACTS)
    text = (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\nlibrary_name: transformers")
    for part in ("reviews.csv \\| 12,000 texts", "0.870 (0.850 to 0.890)", "&lt;b>bad", "go\\|od", "truncation=True"):
        assert part in text
    assert json.loads((tmp_path / "m" / "tyrogue.json").read_text())["facts"]["seeds"] == [0, 1]


def test_an_earlier_export_is_replaced_and_nothing_else(base: Path, tmp_path: Path) -> None:
    model = fitted_linear(checkpoint(base, "mean"))
    for _ in range(2):
        export_model(model, tmp_path / "m", class_names=NAMES, facts={})
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years of work")
    with pytest.raises(UsageError, match="no earlier export"):
        export_model(model, tmp_path / "thesis", class_names=NAMES, facts={})
    assert [p.name for p in (tmp_path / "thesis").iterdir()] == ["chapter1.txt"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "thesis"]


def test_opening_what_is_no_export(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no exported model"):
        open_exported(tmp_path)
    export_model(fitted_linear(checkpoint(base, "mean")), tmp_path / "m", class_names=NAMES, facts={})
    weights = tmp_path / "m" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CorruptModel, match="Export it again"):
        open_exported(tmp_path / "m")


def test_bad_calls(base: Path, tmp_path: Path) -> None:
    model = fitted_linear(checkpoint(base, "mean"))
    with pytest.raises(UsageError, match="3 class names"):
        export_model(model, tmp_path / "m", class_names=["a", "b", "c"], facts={})
    model.embedder = None
    with pytest.raises(UsageError, match="encoder="):
        export_model(model, tmp_path / "m", class_names=NAMES, facts={})
    with pytest.raises(NotFitted):
        export_model(TransformerClassifier(2, device="cpu"), tmp_path / "m", class_names=NAMES, facts={})
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectError, match="cannot be written"):
        export_model(fitted_linear(checkpoint(base, "mean")), tmp_path / "file" / "m", class_names=NAMES, facts={})

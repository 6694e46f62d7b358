"""A trained classifier as a Hugging Face folder that plain `transformers` loads."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tyrogue import ops
from tyrogue.backbone import Backbone
from tyrogue.backbone.quiet import quiet_loading
from tyrogue.errors import ProjectError, UsageError
from tyrogue.models.card import card, usage_of_encoder, usage_of_pipeline, usage_of_transformer
from tyrogue.models.exported import open_exported
from tyrogue.models.linear import LinearClassifier
from tyrogue.models.stock import Parts, as_stock
from tyrogue.models.transformer import TransformerClassifier
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.types import Floats

__all__ = ["ExportReport", "export_model", "open_exported"]

MARKER = "tyrogue.json"
_LARGEST_DIFFERENCE = 1e-3
_PROBES = ("a", "The minister said on Tuesday that prices would rise.", "good 😀 " * 40, "Ωmega & <b>tags</b>", "")


@dataclass(frozen=True)
class ExportReport:
    """What was written."""

    stock: bool
    """Whether plain `transformers.pipeline` loads it."""
    message: str
    """One sentence for the user."""
    difference: float = float("nan")
    """Largest difference of a probability from ours on probe texts, both in float32."""


def export_model(
    classifier: Classifier,
    folder: Path,
    *,
    class_names: Sequence[str],
    facts: Mapping[str, Any],
    encoder: Any = None,
) -> ExportReport:
    """Writes a model folder with its tokenizer, weights as safetensors, class names and a model card.

    `pipeline("text-classification", folder)(text, truncation=True)` gives this classifier's probabilities,
    temperature included, within 1e-3 in float32. What no stock architecture can express is written as encoder
    and head, with instructions.

    Args:
        classifier: fitted.
        folder: is made; an earlier export there is replaced.
        class_names: by class index.
        facts: for the model card: data, seeds, metrics (a number, or value, low and high), versions.
        encoder: the linear model's encoder; found in its embedder when left out.

    Raises:
        NotFitted: the classifier has seen no labels.
        UsageError: the names do not fit, or the folder holds something else.
        ProjectError: the folder cannot be written.
    """
    if len(class_names) != classifier.n_classes:
        raise UsageError(f"{len(class_names)} class names were given for {classifier.n_classes} classes.")
    source = _source(classifier, encoder)
    stock = source.stock()
    difference = float("nan") if stock is None else _difference(stock, source)
    # Checked here and not only in tests: a checkpoint may have a twist that the builders do not know.
    if not difference < _LARGEST_DIFFERENCE:
        stock = None
    with _fresh_folder(folder) as place:
        with quiet_loading():
            if stock is None:
                source.write_parts(place, class_names)
            else:
                _write_stock(place, stock, source, class_names)
        usage = source.usage() if stock is None else usage_of_pipeline(source.pairs)
        text = card(classifier, class_names, facts, checkpoint=source.name, length=source.length, usage=usage)
        (place / "README.md").write_text(text, encoding="utf-8")
        marker = {"stock": stock is not None, "version": classifier.version, "facts": facts}
        (place / MARKER).write_text(json.dumps(marker, indent=1, default=str), encoding="utf-8")
    return ExportReport(stock is not None, _message(folder, stock is not None), difference)


def _message(folder: Path, stock: bool) -> str:
    if stock:
        return (
            f"Load it with transformers.pipeline('text-classification', {str(folder)!r}), call it with truncation=True."
        )
    return (
        f"No stock architecture can express this model, so {folder} holds its encoder and its head; "
        "README.md there says in a few lines of Python how to use them."
    )


class _FromTransformer:
    """A fine-tuned transformer on its way out."""

    def __init__(self, classifier: TransformerClassifier) -> None:
        self.classifier, self.network = classifier, classifier.network
        self.tokenizer, self.length = self.network.tokenizer, classifier.max_length
        self.name, self.pairs = classifier.checkpoint, False

    def stock(self) -> Any | None:
        backbone, head = self.network.backbone, self.network.head
        return as_stock(Parts(backbone.transformer, backbone.pooling, head.weight.detach(), head.bias.detach()))

    def probabilities(self, texts: Sequence[str]) -> Floats:
        exact = copy.copy(self.classifier)
        exact.dtype = torch.float32
        return ops.softmax(exact.infer(Inputs(texts)).logits)

    def write_parts(self, folder: Path, class_names: Sequence[str]) -> None:
        self.network.backbone.transformer.save_pretrained(folder / "encoder")
        _tokenizer(self.tokenizer, self.length).save_pretrained(folder / "encoder")
        head = self.network.head
        weights = head.weight.detach().cpu().numpy(), head.bias.detach().cpu().numpy()
        facts = {"kind": "transformer", "pooling": self.network.backbone.pooling, "classes": list(class_names)}
        _write_head(folder, *weights, facts)

    def usage(self) -> str:
        backbone: Backbone = self.network.backbone
        return usage_of_transformer(backbone.pooling)


class _FromLinear:
    """A linear model on frozen embeddings on its way out."""

    def __init__(self, classifier: LinearClassifier, encoder: Any) -> None:
        self.classifier, self.encoder = classifier, encoder
        self.weight, self.bias = classifier.weights
        self.tokenizer, self.length, self.name = encoder.tokenizer, encoder.max_length, encoder.name
        self.pairs = self.weight.shape[1] == encoder.pair_dimension

    def stock(self) -> Any | None:
        pooling = stock_pooling(self.encoder)
        if self.pairs or pooling is None:
            return None
        # The linear head reads features of length 1, the stock layer gives them with variance 1.
        weight = torch.from_numpy(self.weight / np.sqrt(np.float32(self.weight.shape[1])))
        return as_stock(Parts(self.encoder.transformer, pooling, weight, torch.from_numpy(self.bias)))

    def probabilities(self, texts: Sequence[str]) -> Floats:
        exact = copy.copy(self.encoder)
        exact.dtype = torch.float32
        return ops.softmax(self.classifier.head(exact.encode(texts)))

    def write_parts(self, folder: Path, class_names: Sequence[str]) -> None:
        self.encoder.model.save(str(folder / "encoder"), create_model_card=False)
        facts = {"kind": "linear", "pairs": self.pairs, "classes": list(class_names)}
        _write_head(folder, self.weight, self.bias, facts)

    def usage(self) -> str:
        return usage_of_encoder(self.pairs)


def stock_pooling(encoder: Any) -> Any | None:
    """Gives mean or cls when the encoder is a transformer, that pooling and at most a normalisation; else None."""
    modules = list(encoder.model)
    names = [type(module).__name__ for module in modules]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or encoder.prompt:
        return None
    mode = modules[1].pooling_mode
    return mode if mode in ("mean", "cls") else None


def _source(classifier: Classifier, encoder: Any) -> _FromTransformer | _FromLinear:
    if isinstance(classifier, TransformerClassifier):
        return _FromTransformer(classifier)
    if isinstance(classifier, LinearClassifier):
        encoder = encoder if encoder is not None else getattr(classifier.embedder, "encoder", None)
        if encoder is None:
            raise UsageError("A linear model is exported with its encoder: pass encoder=.")
        return _FromLinear(classifier, encoder)
    raise UsageError(f"{type(classifier).__name__} cannot be exported: only the built-in models can.")


def _difference(stock: Any, source: _FromTransformer | _FromLinear) -> float:
    ours = source.probabilities(_PROBES)
    with torch.inference_mode():
        batches = [
            source.tokenizer(text, truncation=True, max_length=source.length, return_tensors="pt", padding=False)
            for text in _PROBES
        ]
        theirs = np.concatenate([stock(**batch).logits.softmax(-1).numpy() for batch in batches])
    return float(np.abs(theirs - ours).max())


def _write_stock(folder: Path, stock: Any, source: _FromTransformer | _FromLinear, class_names: Sequence[str]) -> None:
    stock.config.id2label = dict(enumerate(class_names))
    stock.config.label2id = {name: i for i, name in enumerate(class_names)}
    stock.save_pretrained(folder)
    _tokenizer(source.tokenizer, source.length).save_pretrained(folder)


def _tokenizer(tokenizer: Any, length: int) -> Any:
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.model_max_length = length
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:  # what the last call padded and cut to is no property of the model
        backend.no_padding()
        backend.no_truncation()
    return tokenizer


def _write_head(folder: Path, weight: Floats, bias: Floats, facts: dict[str, Any]) -> None:
    from safetensors.numpy import save_file

    save_file({"weight": np.ascontiguousarray(weight), "bias": np.ascontiguousarray(bias)}, folder / "head.safetensors")
    (folder / "head.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")


class _fresh_folder:
    """A folder beside `folder` that takes its place at the end, or is gone after an error."""

    def __init__(self, folder: Path) -> None:
        if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARKER).is_file())):
            raise UsageError(f"{folder} exists and is no earlier export. Choose another folder, or remove it first.")
        self.folder, self.temporary = folder, folder.with_name(f".{folder.name}.{os.getpid()}")

    def __enter__(self) -> Path:
        shutil.rmtree(self.temporary, ignore_errors=True)
        try:
            self.temporary.mkdir(parents=True)
        except OSError as error:
            raise self._failed(error) from error
        return self.temporary

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.temporary.rename(self.folder)
            return
        shutil.rmtree(self.temporary, ignore_errors=True)
        if isinstance(error, OSError):
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> ProjectError:
        why = error.strerror or error
        return ProjectError(
            f"The model cannot be written to {self.folder}: {why}. Free some disk space, or choose another."
        )

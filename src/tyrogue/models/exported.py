"""Opening what `export_model` wrote, whichever form it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tyrogue import ops
from tyrogue.backbone import Backbone, autocast, batches, choose_device, dtype_of, pad, tokenize
from tyrogue.backbone.attention import use_fast_attention
from tyrogue.backbone.hardware import token_budget
from tyrogue.backbone.network import longest_input
from tyrogue.backbone.pairs import pair_features
from tyrogue.backbone.quiet import quiet_loading
from tyrogue.errors import CorruptModel, UsageError
from tyrogue.models.linear import standardised
from tyrogue.models.network import features_of
from tyrogue.types import Floats, Text

Infer = Callable[[Sequence[Text]], Floats]


def open_exported(folder: Path, *, device: str | None = None) -> tuple[list[str], Infer]:
    """Gives the class names of an exported model and a function from texts to probabilities (n, C).

    Any Hugging Face folder of a sequence classifier will do.

    Raises:
        UsageError: the folder holds no model. CorruptModel: it cannot be read.
    """
    from safetensors import SafetensorError

    head, stock = folder / "head.json", folder / "config.json"
    if not head.is_file() and not stock.is_file():
        raise UsageError(f"{folder} holds no exported model: neither config.json nor head.json is there.")
    chosen = choose_device(device)
    try:
        with quiet_loading():
            return _parts(folder, chosen) if head.is_file() else _stock(folder, chosen)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise CorruptModel(f"The model in {folder} cannot be read ({error}). Export it again.") from error


def _stock(folder: Path, device: torch.device) -> tuple[list[str], Infer]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model: Any = AutoModelForSequenceClassification.from_pretrained(folder).to(device).eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    use_fast_attention(model)
    names = [str(model.config.id2label[i]) for i in range(model.config.num_labels)]
    # The shift that carries features through DistilBERT's relu leaves bfloat16 no digits for them.
    dtype = dtype_of("float32" if model.config.model_type == "distilbert" else "auto", device)
    length = min(int(tokenizer.model_max_length), longest_input(tokenizer, model.base_model))

    def infer(texts: Sequence[Text]) -> Floats:
        tokens = tokenize(tokenizer, texts, length)
        logits = np.empty((len(texts), len(names)), np.float32)
        with torch.inference_mode(), autocast(device, dtype):
            for positions in batches(tokens.lengths, token_budget(device)):
                logits[positions] = model(**pad(tokens, positions, tokenizer, device)).logits.float().cpu().numpy()
        return ops.softmax(logits)

    return names, infer


def _parts(folder: Path, device: torch.device) -> tuple[list[str], Infer]:
    from safetensors.numpy import load_file

    facts = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    head = load_file(folder / "head.safetensors")
    features = _linear(folder, facts, device) if facts["kind"] == "linear" else _transformer(folder, facts, device)

    def infer(texts: Sequence[Text]) -> Floats:
        if not len(texts):
            return np.empty((0, len(head["bias"])), np.float32)
        return ops.softmax(np.asarray(features(texts) @ head["weight"].T + head["bias"], np.float32))

    return [str(name) for name in facts["classes"]], infer


def _linear(folder: Path, facts: dict[str, Any], device: torch.device) -> Infer:
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(folder / "encoder"), device=str(device))

    def encode(texts: Sequence[Any]) -> Floats:
        return np.asarray(encoder.encode(list(texts), show_progress_bar=False), np.float32)

    def features(texts: Sequence[Text]) -> Floats:
        if not facts["pairs"]:
            return standardised(encode(texts))
        first, second = zip(*texts, strict=True)
        return standardised(pair_features(encode(first), encode(second), encode([list(pair) for pair in texts])))

    return features


def _transformer(folder: Path, facts: dict[str, Any], device: torch.device) -> Infer:
    from transformers import AutoModel, AutoTokenizer

    transformer, tokenizer = (
        AutoModel.from_pretrained(folder / "encoder"),
        AutoTokenizer.from_pretrained(folder / "encoder"),
    )
    use_fast_attention(transformer)
    length = int(tokenizer.model_max_length)
    backbone = Backbone(transformer, tokenizer, facts["pooling"], name=str(folder), longest=length).to(device).eval()
    return lambda texts: features_of(backbone, tokenize(tokenizer, texts, length), dtype_of("auto", device))

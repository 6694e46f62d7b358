"""An exported model folder, used again: stock transformers, nothing of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from tyrogue import ops
from tyrogue.backbone import use_free_threads
from tyrogue.errors import BadInput
from tyrogue.models.export import MARKER
from tyrogue.types import Floats, Text

BATCH = 32


def open_exported(folder: Path) -> tuple[list[str], Callable[[Sequence[Text]], Floats]]:
    """Gives the class names and a function from texts to probabilities (n, C), in float32.

    Raises:
        BadInput: there is no exported model, or one that no stock architecture can express.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    if not (folder / MARKER).is_file():
        raise BadInput(f"{folder} holds neither a project nor an exported model.", remedy="tyrogue export makes one.")
    if not json.loads((folder / MARKER).read_text(encoding="utf-8"))["stock"]:
        remedy = "Give the project directory instead, or follow its README.md."
        raise BadInput(f"{folder} holds an encoder and a head, which README.md there says how to use.", remedy=remedy)
    use_free_threads()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    names = [network.config.id2label[i] for i in range(network.config.num_labels)]

    @torch.inference_mode()
    def infer(texts: Sequence[Text]) -> Floats:
        order = np.argsort([len(text) if isinstance(text, str) else len(text[0] + text[1]) for text in texts])
        logits = np.empty((len(texts), len(names)), np.float32)
        for start in range(0, len(order), BATCH):
            some = order[start : start + BATCH]
            batch = tokenizer([texts[i] for i in some], truncation=True, padding=True, return_tensors="pt")
            logits[some] = network(**batch).logits.numpy()
        return ops.softmax(logits)

    return names, infer

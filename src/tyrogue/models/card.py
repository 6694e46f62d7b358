"""The model card: what a stranger must know before using an exported model."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from tyrogue.protocols import Classifier

_PIPELINE = """```python
from transformers import pipeline

classify = pipeline("text-classification", "PATH/OF/THIS/FOLDER", top_k=None)
classify({example}, truncation=True)
```"""

_ENCODER = """No stock architecture can express this model. `encoder/` is a sentence-transformers model,
`head.safetensors` a linear head on its embeddings:

```python
import json, numpy as np
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer

encoder, head = SentenceTransformer("encoder"), load_file("head.safetensors")
classes = json.load(open("head.json"))["classes"]

{embed}
x = x - x.mean(1, keepdims=True)
x = x / np.linalg.norm(x, axis=1, keepdims=True)
logits = x @ head["weight"].T + head["bias"]
p = np.exp(logits - logits.max(1, keepdims=True))
p = p / p.sum(1, keepdims=True)
```"""

_SINGLE = 'x = encoder.encode(["a text", "another"])'
_PAIR = """pairs = [("a text", "the other one")]
u, v = encoder.encode([a for a, _ in pairs]), encoder.encode([b for _, b in pairs])
both = encoder.encode([list(pair) for pair in pairs])
x = np.hstack([u, v, abs(u - v), np.sqrt(u.shape[1]) * u * v, both])"""

_TRANSFORMER = """No stock architecture can express this model. `encoder/` is a transformers model,
`head.safetensors` a linear head on its {pooling} token vector, standardised:

```python
import json, torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

encoder, tokenizer = AutoModel.from_pretrained("encoder"), AutoTokenizer.from_pretrained("encoder")
head, classes = load_file("head.safetensors"), json.load(open("head.json"))["classes"]

batch = tokenizer(["a text", "another"], truncation=True, padding=True, return_tensors="pt")
with torch.no_grad():
    output, mask = encoder(**batch), batch["attention_mask"].unsqueeze(-1)
    hidden = output.last_hidden_state
    {pool}
    p = (features @ head["weight"].T + head["bias"]).softmax(-1)
```"""

_STANDARDISE = "features = torch.nn.functional.layer_norm(pooled, pooled.shape[-1:], eps=1e-12)"
_POOL = {
    "mean": "pooled = (hidden * mask).sum(1) / mask.sum(1)\n    " + _STANDARDISE,
    "cls": "pooled = hidden[:, 0]\n    " + _STANDARDISE,
    "max": "pooled = hidden.masked_fill(mask == 0, -1e9).amax(1)\n    " + _STANDARDISE,
    "lasttoken": "pooled = hidden[torch.arange(len(hidden)), mask.sum((1, 2)) - 1]\n    " + _STANDARDISE,
    "pooler": "features = output.pooler_output",
}

_WARNING = (
    "The labels were given to texts that the model found hard: shares of classes among them are not those of the "
    "data, and accuracy on them is no estimate of its accuracy elsewhere."
)


def usage_of_pipeline(pairs: bool) -> str:
    """Gives how to use a stock export."""
    example = '{"text": "a text", "text_pair": "the other one"}' if pairs else '"a text"'
    return _PIPELINE.replace("{example}", example)


def usage_of_encoder(pairs: bool) -> str:
    """Gives how to use encoder and head of a linear model."""
    return _ENCODER.replace("{embed}", _PAIR if pairs else _SINGLE)


def usage_of_transformer(pooling: str) -> str:
    """Gives how to use encoder and head of a fine-tuned transformer."""
    return _TRANSFORMER.replace("{pooling}", pooling).replace("{pool}", _POOL[pooling])


def card(
    classifier: Classifier,
    class_names: Sequence[str],
    facts: Mapping[str, Any],
    *,
    checkpoint: str,
    length: int,
    usage: str,
) -> str:
    """Gives the model card as Markdown with the front matter of the model hub."""
    kind = type(classifier).__name__.removesuffix("Classifier").lower()
    known = {"model": kind, "version": classifier.version, "pre-trained weights": checkpoint, "tokens read": length}
    versions = {name: version(name) for name in ("torch", "transformers")} | {"python": platform.python_version()}
    temperature = getattr(classifier, "temperature", None)
    if temperature is not None:
        known["temperature (in the weights)"] = f"{temperature:.3g}"
    sections = [
        "---\nlibrary_name: transformers\npipeline_tag: text-classification\ntags:\n- active-learning\n- tyrogue\n---",
        "# Text classifier",
        "Trained on texts chosen by active learning and labeled by people, with tyrogue.",
        "## Classes\n\n" + "\n".join(f"{i}. {_inline(name)}" for i, name in enumerate(class_names)),
        "## Use\n\n" + usage,
        "## Facts\n\n" + _table({**known, **{k: v for k, v in facts.items() if not isinstance(v, Mapping)}}),
        *(f"## {_inline(str(k)).capitalize()}\n\n" + _table(v) for k, v in facts.items() if isinstance(v, Mapping)),
        "## Versions\n\n" + _table(versions),
        _WARNING,
    ]
    return "\n\n".join(sections) + "\n"


def _table(facts: Mapping[str, Any]) -> str:
    rows = [f"| {_inline(str(key))} | {_inline(_value(value))} |" for key, value in facts.items()]
    return "\n".join(["| | |", "| --- | --- |", *rows])


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Sequence) and len(value) == 3 and all(isinstance(v, float) for v in value):
        return f"{value[0]:.3f} ({value[1]:.3f} to {value[2]:.3f})"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)


def _inline(text: str) -> str:
    # Class names and file names are the user's: they must not break the table or become markup.
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")

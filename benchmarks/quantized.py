"""Frozen embedding in eight-bit integers, by torch and by ONNX Runtime, beside what the product does.

    python benchmarks/quantized.py --data DATASETS/ag_news

Every variant reads the same texts in the same batches (sorted by length), so that only the arithmetic differs: texts a
second, and how far the vectors are from those of float32. ONNX Runtime takes part where it is installed
(pip install onnxruntime onnx). What wins here is what the product should use on such a machine.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from embeddings import texts_of
from machine import write
from throughput import MAX_LENGTH, medians

from tyrogue.backbone import batches, free_threads, pad, tokenize
from tyrogue.backbone.hardware import cores, token_budget
from tyrogue.encoders import SentenceEncoder, open_encoder
from tyrogue.types import Floats

Forward = Callable[[dict[str, torch.Tensor]], Any]
"""Padded token ids to the last hidden states (n, length, d)."""


def encode(encoder: SentenceEncoder, texts: list[str], forward: Forward) -> Floats:
    """Gives unit vectors (n, d): the encoder's batches and mean pooling around another transformer."""
    tokens = tokenize(encoder.tokenizer, texts, MAX_LENGTH)
    vectors = np.empty((len(texts), encoder.dimension), np.float32)
    for positions in batches(tokens.lengths, token_budget(encoder.device)):
        batch = pad(tokens, positions, encoder.tokenizer, encoder.device)
        mask = batch["attention_mask"].numpy()[:, :, None]
        vectors[positions] = (np.asarray(forward(batch)) * mask).sum(1) / mask.sum(1)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def torch_int8(transformer: Any) -> Forward:
    """Weights in int8 once, activations as they come; torch's own kernels."""
    torch.backends.quantized.engine = "x86" if "x86" in torch.backends.quantized.supported_engines else "qnnpack"
    quantize: Any = torch.ao.quantization.quantize_dynamic
    small = quantize(copy.deepcopy(transformer), {torch.nn.Linear}, torch.qint8)

    def forward(batch: dict[str, torch.Tensor]) -> Any:
        with torch.inference_mode():
            return small(**batch).last_hidden_state.numpy()

    return forward


def onnx(transformer: Any, folder: Path, threads: int, *, int8: bool) -> Forward:
    """The transformer in ONNX Runtime, in float32 or with weights in int8."""
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole, small = folder / "model.onnx", folder / "int8.onnx"
    names = ("input_ids", "attention_mask", "token_type_ids")
    if not whole.exists():
        stock = copy.deepcopy(transformer)
        stock.set_attn_implementation("eager")
        example = tuple(torch.ones(2, 8, dtype=torch.long) for _ in names)
        axes = {0: "texts", 1: "tokens"}
        torch.onnx.export(
            Stock(stock),
            example,
            str(whole),
            input_names=list(names),
            output_names=["hidden"],
            dynamic_axes=dict.fromkeys((*names, "hidden"), axes),
            opset_version=17,
            dynamo=False,
        )
    if int8 and not small.exists():
        quantize_dynamic(whole, small, weight_type=QuantType.QInt8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(small if int8 else whole), options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["hidden"], {name: batch[name].numpy() for name in names})[0]


class Stock(torch.nn.Module):
    """A transformer that gives its last hidden states alone, as an exporter wants it."""

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
        return self.transformer(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state


def main() -> None:
    """Measures and writes results/quantized.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="dataset folder with train.parquet")
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=None, help="left out: the cores that are free now")
    options = parser.parse_args()
    threads = options.threads or free_threads(1.0)
    torch.set_num_threads(threads)
    texts = texts_of(options.data, options.texts)
    ours, exact = (open_encoder(device="cpu", max_length=MAX_LENGTH, precision=p) for p in ("auto", "float32"))
    variants: dict[str, Callable[[], Floats]] = {
        "ours": lambda: ours.encode(texts),
        "float32": lambda: exact.encode(texts),
    }
    int8 = torch_int8(exact.transformer)
    variants["int8, torch"] = lambda: encode(exact, texts, int8)
    with tempfile.TemporaryDirectory() as folder:
        if find_spec("onnxruntime") is not None:
            for name, small in (("float32, ONNX Runtime", False), ("int8, ONNX Runtime", True)):
                forward = onnx(exact.transformer, Path(folder), threads, int8=small)
                variants[name] = partial(encode, exact, texts, forward)
        speeds = medians(dict(variants), len(texts), options.repeats)
        reference = exact.encode(texts)
        alike = {name: (work() * reference).sum(1) for name, work in variants.items()}
    figures = {
        "unit": "texts per second, median of the repeats; cosines with the vectors of float32",
        "texts": len(texts),
        "threads": threads,
        "cores": cores(),
        "repeats": options.repeats,
        "dtype_of_ours": str(ours.dtype).removeprefix("torch."),
        "texts_per_second": speeds,
        "times_float32": {name: round(speed / speeds["float32"], 2) for name, speed in speeds.items()},
        "cosine_mean": {name: round(float(values.mean()), 5) for name, values in alike.items()},
        "cosine_least": {name: round(float(values.min()), 5) for name, values in alike.items()},
    }
    path = write("quantized", figures)
    print(path)
    print(path.read_text())


if __name__ == "__main__":
    main()

"""Texts a second of embedding, inference and fine-tuning: ours, the plain libraries, and what each choice buys.

    python benchmarks/throughput.py --data DATASETS/ag_news

All variants of a part run one after the other, again and again, in one process on one number of threads; figures are
medians over these repeats, so that a busy moment of the machine does not fall on one of them alone.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from embeddings import texts_of
from machine import write
from numpy.typing import NDArray

from tyrogue.backbone import free_threads, load_backbone, locate, tokenize
from tyrogue.backbone.hardware import cores
from tyrogue.encoders import SentenceEncoder, open_encoder
from tyrogue.models import RECIPES, Recipe
from tyrogue.models.network import Network, features_of
from tyrogue.models.training import Training

Work = Callable[[], object]

CLASSES = 4
MAX_LENGTH = 128
PLAIN_BATCH = 32  # sentence-transformers' default, and what transformers' documentation uses
STEPS = 12
BATCH = 16
RECIPE = replace(RECIPES["finetune"], min_steps=STEPS, max_steps=STEPS, stop_loss=None, head_first=False)


def medians(parts: dict[str, Work], count: int, repeats: int) -> dict[str, float]:
    """Gives texts a second of each variant, `count` texts a call, run in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for repeat in range(repeats + 1):
        for name, work in parts.items():
            start = time.perf_counter()
            own = work()  # a variant that must set something up measures itself
            taken = own if isinstance(own, float) else time.perf_counter() - start
            if repeat:  # the first turn warms up
                seconds[name].append(taken)
        print(f"  turn {repeat} of {repeats}", file=sys.stderr)
    return {name: round(count / statistics.median(taken), 1) for name, taken in seconds.items()}


def in_given_order(lengths: NDArray[np.int64], budget: int) -> list[NDArray[np.int64]]:
    """Batches of `PLAIN_BATCH` texts as they come: what a plain loop does."""
    return [np.arange(s, min(s + PLAIN_BATCH, len(lengths))) for s in range(0, len(lengths), PLAIN_BATCH)]


@contextmanager
def torch_attention(model: Any) -> Iterator[None]:
    """Puts torch's fused attention into a transformer for a while."""
    before = model.config._attn_implementation
    model.set_attn_implementation("sdpa")
    yield
    model.set_attn_implementation(before)


def embedding(texts: list[str]) -> dict[str, Work]:
    """Frozen embedding: ours, sentence-transformers as it comes, and ours with one choice undone."""
    from sentence_transformers import SentenceTransformer

    ours, exact = open_encoder(device="cpu", max_length=MAX_LENGTH), open_encoder(device="cpu", precision="float32")
    exact.max_length = MAX_LENGTH
    plain = SentenceTransformer(locate("default"), device="cpu")
    plain.max_seq_length = MAX_LENGTH

    def unsorted() -> None:
        with mock.patch("tyrogue.encoders.sentence.batches", in_given_order):
            ours.encode(texts)

    return {
        "ours": lambda: ours.encode(texts),
        "sentence-transformers": lambda: plain.encode(texts, show_progress_bar=False),
        "ours in float32": lambda: exact.encode(texts),
        "ours, not sorted by length": unsorted,
        "ours, torch's attention": lambda: _with_torch_attention(ours, texts),
    }


def _with_torch_attention(encoder: SentenceEncoder, texts: Sequence[str]) -> None:
    with torch_attention(encoder.transformer):
        encoder.encode(texts)


def inference(texts: list[str]) -> dict[str, Work]:
    """The current model: ours, the plain loop, the plain pipeline, and ours with one choice undone."""
    from transformers import AutoModelForSequenceClassification, pipeline

    backbone = load_backbone("default").clone().requires_grad_(False)
    network = Network(backbone, CLASSES)
    plain = AutoModelForSequenceClassification.from_pretrained(locate("default"), num_labels=CLASSES).eval()
    classify = pipeline("text-classification", model=plain, tokenizer=backbone.tokenizer, device="cpu", top_k=None)

    def ours(dtype: torch.dtype = torch.bfloat16, batching: Any = None, attention: Any = nullcontext) -> None:
        with mock.patch("tyrogue.models.network.batches", batching) if batching else nullcontext(), attention():
            features = features_of(backbone, tokenize(backbone.tokenizer, texts, MAX_LENGTH), dtype)
        with torch.inference_mode():
            network.head(torch.from_numpy(features))

    def loop() -> None:
        with torch.inference_mode():
            for start in range(0, len(texts), PLAIN_BATCH):
                part = texts[start : start + PLAIN_BATCH]
                batch = backbone.tokenizer(
                    part, padding=True, truncation=True, max_length=MAX_LENGTH, return_tensors="pt"
                )
                plain(**batch)

    return {
        "ours": ours,
        "transformers, plain loop": loop,
        "transformers.pipeline": lambda: classify(
            texts, batch_size=PLAIN_BATCH, truncation=True, max_length=MAX_LENGTH
        ),
        "ours in float32": partial(ours, torch.float32),
        "ours, not sorted by length": partial(ours, batching=in_given_order),
        "ours, torch's attention": partial(ours, attention=partial(torch_attention, backbone.transformer)),
    }


def training(texts: list[str], labels: NDArray[np.int64]) -> dict[str, Work]:
    """`STEPS` steps of `BATCH` texts: ours, the Trainer with its defaults, and ours with one choice undone."""
    pretrained = load_backbone("default")
    tokens = tokenize(pretrained.tokenizer, texts, MAX_LENGTH)

    def ours(
        recipe: Recipe = RECIPE, dtype: torch.dtype = torch.bfloat16, *, fused: bool = True, together: int | None = None
    ) -> float:
        network = Network(pretrained.clone(), CLASSES)
        with mock.patch("tyrogue.models.optimizer.FUSED_ON", ("cpu",) if fused else ()), sorting(together):
            job = Training(network, tokens, labels, recipe, seed=0, dtype=dtype)
            start = time.perf_counter()
            job.run()
        return time.perf_counter() - start

    def with_torch_attention() -> float:
        network = Network(pretrained.clone(), CLASSES)
        network.backbone.transformer.set_attn_implementation("sdpa")
        job = Training(network, tokens, labels, RECIPE, seed=0, dtype=torch.bfloat16)
        start = time.perf_counter()
        job.run()
        return time.perf_counter() - start

    return {
        "ours": ours,
        "transformers.Trainer": partial(trainer, texts, labels),
        "ours in float32": partial(ours, dtype=torch.float32),
        "ours, dropout 0.1": partial(ours, replace(RECIPE, dropout=0.1)),
        "ours, word vectors trained": partial(ours, replace(RECIPE, freeze_embeddings=False)),
        "ours, AdamW not fused": partial(ours, fused=False),
        "ours, not sorted by length": partial(ours, together=1),
        "ours, torch's attention": with_torch_attention,
        "ours, top 2 layers only": partial(ours, replace(RECIPE, top_layers=2)),
    }


def sorting(together: int | None) -> Any:
    """Sorts by length within so many batches instead of the usual number."""
    return nullcontext() if together is None else mock.patch("tyrogue.models.training._SORTED_TOGETHER", together)


def trainer(texts: list[str], labels: NDArray[np.int64]) -> float:
    """Seconds of `STEPS` steps of Hugging Face's Trainer with its defaults, but for our batch size."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
    )

    tokenizer = AutoTokenizer.from_pretrained(locate("default"))
    model = AutoModelForSequenceClassification.from_pretrained(locate("default"), num_labels=CLASSES)
    encoded = tokenizer(texts, truncation=True, max_length=MAX_LENGTH)
    rows = [{name: encoded[name][i] for name in encoded} | {"labels": int(labels[i])} for i in range(len(texts))]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=BATCH,
            max_steps=STEPS,
            report_to=[],
            disable_tqdm=True,
            save_strategy="no",
            logging_strategy="no",
            use_cpu=True,
        )
        job = Trainer(model, arguments, train_dataset=rows, data_collator=DataCollatorWithPadding(tokenizer))
        start = time.perf_counter()
        job.train()
        return time.perf_counter() - start


def main() -> None:
    """Measures and writes results/throughput.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="dataset folder with train.parquet")
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=None, help="left out: the cores that are free now")
    parser.add_argument("--name", default="throughput", help="of the result file")
    options = parser.parse_args()
    threads = options.threads or free_threads(1.0)
    torch.set_num_threads(threads)
    texts = texts_of(options.data, options.texts)
    labels = np.arange(STEPS * BATCH, dtype=np.int64) % CLASSES
    lengths = tokenize(load_backbone("default").tokenizer, texts, MAX_LENGTH).lengths
    figures: dict[str, Any] = {
        "unit": "texts per second, median of the repeats",
        "texts": len(texts),
        "mean_tokens": round(float(lengths.mean()), 1),
        "threads": threads,
        "cores": cores(),
        "repeats": options.repeats,
    }
    parts = {
        "embedding": (embedding(texts), len(texts)),
        "inference": (inference(texts), len(texts)),
        "training": (training(texts[: STEPS * BATCH], labels), STEPS * BATCH),
    }
    for name, (work, count) in parts.items():
        print(name, file=sys.stderr)
        figures[name] = medians(work, count, options.repeats)
        figures[name + "_times"] = {
            other: round(figures[name]["ours"] / speed, 2) for other, speed in figures[name].items() if other != "ours"
        }
    path = write(options.name, figures)
    print(path)
    print(path.read_text())


if __name__ == "__main__":
    main()

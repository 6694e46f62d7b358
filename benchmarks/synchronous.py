"""The loop that people write on small-text: query, label, train, query; each step waits for the one before."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score


class Data(Protocol):
    """A pool with gold labels and a test sample."""

    train: pd.DataFrame
    test: pd.DataFrame
    classes: list[str]


def small_text_session(data: Data, *, labels: int, batch: int, checkpoint: str | None = None) -> dict[str, Any]:
    """Labels a pool with small-text as its documentation shows it; gives what people would have waited.

    Args:
        checkpoint: weights; our default ones unless told otherwise, so that both learn with the same encoder.
    """
    import torch
    from transformers import AutoTokenizer

    from tyrogue.backbone.source import DEFAULT, locate

    library = import_module("small_text")
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    path = checkpoint or locate(DEFAULT)
    tokenizer = AutoTokenizer.from_pretrained(path)
    if not hasattr(
        tokenizer, "encode_plus"
    ):  # small-text 1.4 calls by its old name what transformers 5 has only one of
        type(tokenizer).encode_plus = type(tokenizer).__call__
    number = {name: i for i, name in enumerate(data.classes)}
    gold = np.array([number[label] for label in data.train.label])

    def made(texts: pd.Series, targets: Any) -> Any:
        return library.TransformersDataset.from_arrays(
            list(texts), targets, tokenizer, target_labels=np.arange(len(number)), max_length=128
        )

    pool = made(data.train.text, gold)
    factory = library.TransformerBasedClassificationFactory(
        library.TransformerModelArguments(path), len(number), kwargs={"device": "cpu"}
    )
    learner = library.PoolBasedActiveLearner(factory, library.LeastConfidence(), pool)
    first = rng.choice(len(gold), batch, replace=False)
    waits, trainings, known = [0.0] * (labels - 1), [], batch

    def timed(step: Callable[[], Any]) -> tuple[Any, float]:
        started = time.perf_counter()
        return step(), time.perf_counter() - started

    test, truth = made(data.test.text, np.zeros(len(data.test), int)), [number[label] for label in data.test.label]
    curve: list[list[float]] = []

    def judged() -> None:
        predicted = learner.classifier.predict(test)
        curve.append([known, round(float(f1_score(truth, predicted, average="macro")), 4)])

    _, trained = timed(lambda: learner.initialize_data(first, gold[first]))
    trainings.append(trained)
    judged()
    while known < labels:
        asked, queried = timed(partial(learner.query, num_samples=min(batch, labels - known)))
        waits[known - 1] = trained + queried  # from the last label of a batch to the next text
        _, trained = timed(partial(learner.update, gold[asked]))
        trainings.append(trained)
        known += len(asked)
        judged()
    return {
        "wait_p50_s": round(float(np.quantile(waits, 0.5)), 4),
        "wait_p95_s": round(float(np.quantile(waits, 0.95)), 4),
        "wait_max_s": round(float(max(waits)), 4),
        "waited_s": round(float(sum(waits)), 1),
        "stale_share": 0.0,
        "errors": 0,
        "train_s": round(float(np.median(trainings)), 1),
        "macro_f1": curve[-1][1],
        "curve": curve,
    }

"""Formulas on arrays. What comes out as indices are positions of the argument, to be indexed away at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tyrogue.errors import NonFinite
from tyrogue.types import Floats


def finite(values: Floats, what: str) -> Floats:
    """Gives `values` back, or raises NonFinite: a model that diverged must not choose anything."""
    if not np.isfinite(values).all():
        bad = int(np.count_nonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1)))
        raise NonFinite(
            f"{bad} of {len(values)} {what} are NaN or infinite: the model diverged. "
            "Train it again, with a smaller learning rate or in float32."
        )
    return values


def log_softmax(logits: Floats) -> Floats:
    """Gives log-probabilities over the last axis, in float32, safe for large logits."""
    shifted = np.asarray(logits, np.float32)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), np.float32)


def softmax(logits: Floats) -> Floats:
    """Gives probabilities over the last axis."""
    return np.asarray(np.exp(log_softmax(logits)), np.float32)


def entropy(logits: Floats) -> Floats:
    """Gives the predictive entropy -sum p ln p in nats, shape (n,), of logits (n, C)."""
    log_p = log_softmax(logits)
    return np.asarray(-(np.exp(log_p) * log_p).sum(axis=-1), np.float32)


def entropy_rawlogit(logits: Floats) -> Floats:
    """Gives -sum z exp(z) of raw logits: what the published stack calls entropy. For replication only."""
    z = np.minimum(np.asarray(logits, np.float32), np.float32(80))  # exp of more leaves float32
    return np.asarray(-(np.exp(z) * z).sum(axis=-1), np.float32)


def least_confidence(logits: Floats) -> Floats:
    """Gives 1 - max p, shape (n,)."""
    return np.asarray(1 - softmax(logits).max(axis=-1), np.float32)


def margin(logits: Floats) -> Floats:
    """Gives p(1st) - p(2nd), shape (n,): small where the model is torn. One class: 1."""
    p = softmax(logits)
    if p.shape[-1] < 2:
        return np.ones(len(p), np.float32)
    first_two = np.partition(p, -2, axis=-1)[..., -2:]
    return np.asarray(first_two[..., 1] - first_two[..., 0], np.float32)


def bald(logits: Floats) -> Floats:
    """Gives the mutual information H[mean p] - mean H[p] in nats, shape (n,), of sampled logits (k, n, C)."""
    log_p = log_softmax(logits)
    p = np.exp(log_p)
    mean = p.mean(axis=0)
    doubt = -(p * log_p).sum(axis=-1).mean(axis=0)
    total = -(mean * np.log(np.where(mean > 0, mean, 1))).sum(axis=-1)
    return np.asarray(np.maximum(total - doubt, 0), np.float32)


def top(score: Floats, n: int) -> NDArray[np.int64]:
    """Gives the positions of the n largest scores, largest first, ties by position."""
    return np.argsort(-np.asarray(score), kind="stable")[:n].astype(np.int64)


def unit(vectors: Floats) -> Floats:
    """Gives vectors (n, d) scaled to length 1; a zero vector stays zero."""
    vectors = np.asarray(vectors, np.float32)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1), np.float32)


def squared_distances(a: Floats, b: Floats) -> Floats:
    """Gives the squared Euclidean distances (len(a), len(b)), never negative."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    d = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * (a @ b.T)
    return np.asarray(np.maximum(d, 0, out=d), np.float32)

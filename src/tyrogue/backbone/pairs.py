"""What a pair of texts looks like to a linear model."""

from __future__ import annotations

import numpy as np

from tyrogue.types import Floats

PAIR_BLOCKS = 5
PAIR_FEATURES = "u v |u-v| sqrt(d)uv x"
"""Part of an encoder's fingerprint: change it with `pair_features`."""


def pair_features(first: Floats, second: Floats, joint: Floats) -> Floats:
    """Gives [u, v, |u-v|, sqrt(d) u*v, x], (n, 5d): a product of unit vectors is 1/sqrt(d) as long as they are."""
    product = first * second * np.float32(first.shape[1] ** 0.5)
    return np.concatenate([first, second, np.abs(first - second), product, joint], axis=1)

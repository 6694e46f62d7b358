"""Counts near-duplicates of a labeled corpus by cosine: how alike their words are, how often their gold labels.

    python benchmarks/near_duplicates.py --data DATASETS/ag_news --data DATASETS/germeval2018

From this the labeling app's threshold (`tyrogue.labeling.near.NEAR`) was chosen.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from embeddings import real
from machine import write

from tyrogue.labeling.near import NEAR, words_of

BANDS = (0.85, 0.9, 0.93, 0.95, 0.96, 0.97, 0.98, 0.99)


def measure(folder: Path, n: int, cache: Path) -> dict[str, Any]:
    """Gives the bands of one dataset: the first n train texts, without exact copies."""
    table = pq.read_table(folder / "train.parquet", columns=["text", "label"]).slice(0, n).to_pydict()
    first = {text: place for place, text in reversed(list(enumerate(table["text"])))}
    places = np.array(sorted(first.values()))
    texts, labels = [table["text"][place] for place in places], np.array(table["label"])[places]
    vectors = real(table["text"], cache / f"{folder.name}.npz")[places]
    likeness = vectors @ vectors.T
    one, other = np.nonzero(np.triu(likeness, 1) >= BANDS[0])
    cosine, same = likeness[one, other], labels[one] == labels[other]
    words = [set(words_of(text).split()) for text in texts]
    shared = np.array([len(words[a] & words[b]) / max(len(words[a] | words[b]), 1) for a, b in zip(one, other)])
    bands = [(low, high, (cosine >= low) & (cosine < high)) for low, high in zip(BANDS, [*BANDS[1:], 2.0])]
    bands.append((NEAR, 2.0, cosine >= NEAR))
    return {
        "texts": len(texts),
        "bands": [
            {"from": low, "to": min(high, 1.0), "pairs": int(mine.sum()), "same_label": int(same[mine].sum()),
             "median_words_shared": round(float(np.median(shared[mine])), 2) if mine.any() else None}
            for low, high, mine in bands
        ],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, action="append", required=True, help="a dataset folder")
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--cache", type=Path, default=Path(), help="a folder where embeddings are kept")
    args = parser.parse_args()
    figures = {folder.name: measure(folder, args.n, args.cache) for folder in args.data}
    for name, told in figures.items():
        print(name, told["texts"], "texts")
        for band in told["bands"]:
            print("  ", "  ".join(f"{key} {value}" for key, value in band.items()))
    print("written to", write("near_duplicates", figures))


if __name__ == "__main__":
    main()

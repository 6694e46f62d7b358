"""Measures the import of a large CSV file: seconds, rows a second, peak memory, and random access afterwards.

    python benchmarks/import.py --rows 1000000 --out benchmarks/results/import.json

The import runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import tyrogue
from tyrogue.corpus.importing import import_source
from tyrogue.corpus.sqlite import SqliteCorpus

WORDS = 30_000
MEAN_WORDS = 14
DRAWN = 10_000
REPEATS = 15


def write_rows(path: Path, rows: int) -> None:
    """Writes texts of Zipf-distributed words, one in fifty repeated, with ids and labels."""
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(WORDS)]
    weights = [1 / (rank + 1) for rank in range(WORDS)]
    last = "the first text"
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "text", "label", "source"])
        for start in range(0, rows, 10_000):
            n = min(10_000, rows - start)
            drawn = rng.choices(words, weights, k=n * 2 * MEAN_WORDS)
            for i in range(n):
                if rng.random() > 0.02:
                    begin = i * 2 * MEAN_WORDS
                    last = " ".join(drawn[begin : begin + rng.randint(3, 2 * MEAN_WORDS - 3)])
                out.writerow([f"doc-{start + i}", last, "positive" if rng.random() < 0.5 else "negative", "generated"])


def measure_import(path: Path, project: Path) -> dict[str, Any]:
    """Imports and gives seconds and peak memory of this process."""
    before = peak_mb()
    start = time.perf_counter()
    report = import_source(path, project, index_search=False)
    imported = time.perf_counter() - start
    corpus = SqliteCorpus(project / "pool.sqlite")
    start = time.perf_counter()
    corpus.index_search()
    indexed = time.perf_counter() - start
    start = time.perf_counter()
    again = import_source(path, project)
    return {
        "rows": report.rows_total,
        "duplicates": report.duplicates,
        "import_seconds": round(imported, 2),
        "rows_per_second": round(report.rows_total / imported),
        "search_index_seconds": round(indexed, 2),
        "reimport_seconds": round(time.perf_counter() - start, 2),
        "reimport_new_rows": again.rows_new,
        "peak_rss_mb": round(peak_mb()),
        "rss_before_mb": round(before),
    }


def measure_access(project: Path) -> dict[str, float]:
    """Reads random rows, warm and over again, and gives the median milliseconds."""
    corpus, rng = SqliteCorpus(project / "pool.sqlite"), np.random.default_rng(0)
    size = len(corpus)
    timed: dict[str, list[float]] = {"texts": [], "token_lengths": [], "duplicates": []}
    for _ in range(REPEATS):
        rows = rng.choice(size, min(DRAWN, size), replace=False)
        for name, read in (
            ("texts", corpus.texts),
            ("token_lengths", corpus.token_lengths),
            ("duplicates", corpus.duplicates),
        ):
            start = time.perf_counter()
            read(rows)
            timed[name].append((time.perf_counter() - start) * 1000)
    found = {f"{name}_{DRAWN}_rows_ms": round(statistics.median(values), 1) for name, values in timed.items()}
    start = time.perf_counter()
    corpus.search("the")
    corpus.search("quarterly results")
    return {**found, "two_searches_ms": round((time.perf_counter() - start) * 1000, 1)}


def peak_mb() -> float:
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 2**20


def machine() -> dict[str, Any]:
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "tyrogue": tyrogue.__version__,
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/import.json"))
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure_import(*options.child)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path, project = Path(folder, "texts.csv"), Path(folder, "texts.tyrogue")
        write_rows(path, options.rows)
        child = subprocess.run(
            [sys.executable, __file__, "--child", path, project], check=True, stdout=subprocess.PIPE, text=True
        )
        result = {
            "command": f"python benchmarks/import.py --rows {options.rows}",
            "machine": machine(),
            "file_mb": round(path.stat().st_size / 2**20, 1),
            **json.loads(child.stdout),
            "pool_mb": round((project / "pool.sqlite").stat().st_size / 2**20, 1),
            **measure_access(project),
        }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()

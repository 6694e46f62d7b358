"""How long until the first text is on the screen: from `tyrogue label FILE` to the answer that holds it.

    python benchmarks/first_text.py --rows 100000 --runs 5

Each run is a process of its own on a file of its own: import, survey, server, trainer, weights, the first choice.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from generated import texts, words
from machine import write


def write_file(path: Path, rows: int) -> None:
    """Writes a CSV of texts of about 64 tokens."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["text"])
        for block in texts(rows, words()):
            out.writerows([one] for one in block)


def measure(file: Path) -> dict[str, float]:
    """Starts the app on a new project; gives the seconds to the URL and to the first text."""
    command = [
        sys.executable,
        "-m",
        "tyrogue",
        "label",
        str(file),
        "--labels",
        "one,two",
        "--no-browser",
        "--port",
        "0",
    ]
    started = time.perf_counter()
    options = ["--no-browser", "--port", "0"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("no output")
        url = process.stdout.readline().strip()
        ready = time.perf_counter() - started
        body = json.dumps({"n": 1}).encode()
        headers = {"Content-Type": "application/json", "X-Tyrogue": "1"}
        while True:
            request = urllib.request.Request(url + "api/next", body, headers)
            with urllib.request.urlopen(request, timeout=60) as answer:
                if json.load(answer)["items"]:
                    break
            time.sleep(0.02)
        return {"url_s": round(ready, 2), "first_text_s": round(time.perf_counter() - started, 2)}
    finally:
        process.terminate()
        process.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    found = []
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            runs = []
            for run in range(options.runs):
                file = Path(folder, f"{run}.csv")
                write_file(file, rows)
                runs.append(measure(file))
                file.unlink()
        first = [run["first_text_s"] for run in runs]
        found.append({"rows": rows, "median_s": statistics.median(first), "worst_s": max(first), "runs": runs})
        print(json.dumps(found[-1]))
    write("first_text", {"files": found})


if __name__ == "__main__":
    main()

"""From key to paint: labels texts by keyboard in Chromium and measures when the next one is on screen.

`python benchmarks/page_latency.py --labels 50` prints one JSON line. A time runs from the key event's own timestamp to
the first task after the frame in which the next text was painted; the server answers after `--delay` seconds, which a
hand must not feel.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

SERVER = Path(__file__).resolve().parents[1] / "tests" / "page" / "fake_server.py"
PROBE = """() => {
  window.times = [];
  addEventListener("keydown", (event) => {
    const before = document.getElementById("reading").dataset.row;
    requestAnimationFrame(() => {
      const changed = document.getElementById("reading").dataset.row !== before;
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.times.push([performance.now() - event.timeStamp, changed]);
      channel.port2.postMessage(null);
    });
  }, { capture: true });
}"""


def label(page: Page, n: int, pause: int) -> list[float]:
    page.wait_for_selector("#reading .text")
    page.wait_for_timeout(500)
    page.evaluate(PROBE)
    for i in range(n):
        page.keyboard.press(str(i % 4 + 1))
        page.wait_for_timeout(pause)
    times = page.evaluate("window.times")
    if len(times) != n or not all(changed for _, changed in times):
        raise SystemExit(f"{sum(not changed for _, changed in times)} of {n} keys showed no new text.")
    return [milliseconds for milliseconds, _ in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=50)
    parser.add_argument("--delay", type=float, default=0.05, help="seconds until the server answers")
    parser.add_argument("--pause", type=int, default=250, help="milliseconds between keys")
    options = parser.parse_args()
    command = [sys.executable, str(SERVER), "--texts", str(options.labels + 50)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            urllib.request.urlopen(f"{url}/fake", json.dumps({"latency": options.delay}).encode()).close()
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(url)
            times = sorted(label(page, options.labels, options.pause))
            browser.close()
        finally:
            server.kill()
    result = {
        "labels": options.labels,
        "delay_s": options.delay,
        "key_to_paint_ms": {
            "median": round(statistics.median(times), 1),
            "p95": round(times[int(len(times) * 0.95)], 1),
            "max": round(times[-1], 1),
        },
        "load_average": round(os.getloadavg()[0], 1),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()

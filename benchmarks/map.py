"""The map under the hand: frame times with 50,000 points while one pans, zooms, hovers and draws, in Chromium.

    python benchmarks/map.py --points 50000 --save

Headless Chromium without a graphics card opens the page on a server in memory, with every point coloured by what a
model thinks. Real pointer events drive each gesture for some seconds; the times between two animation frames are
kept. A screen of 60 Hz shows a frame each 16.7 ms; `over_34_ms` is the share of frames that came two late or more.
`places` is what the page loads once, `grown` what it loads when 500 more texts came. `layout` is the trainer's side:
the seconds that its process takes at the lowest priority to lay out 10,000 made-up vectors, and to put 1,000 beside
them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import write
from playwright.sync_api import Browser, Page, sync_playwright

SERVER = Path(__file__).resolve().parents[1] / "tests" / "page" / "fake_server.py"
LATER = 500
RECORD = """() => {
  const times = (window.frameTimes = []);
  let last = performance.now();
  const tick = (now) => {
    times.push(now - last);
    last = now;
    if (window.frameTimes === times) requestAnimationFrame(tick);
  };
  requestAnimationFrame((now) => { last = now; requestAnimationFrame(tick); });
}"""
STOP = "() => { const times = window.frameTimes; window.frameTimes = null; return times; }"
LOAD = """async ([path, grows]) => {
  const { Points } = await import("/static/map/points.js");
  const text = await (await fetch(path)).text();
  const points = new Points();
  if (grows) points.place(JSON.parse(window.first));
  else window.first = text;
  const begun = performance.now();
  const told = JSON.parse(text);
  const parsed = performance.now();
  points.place(told);
  return { bytes: new Blob([text]).size, parse_ms: parsed - begun, place_ms: performance.now() - parsed };
}"""

Json = dict[str, Any]


@contextlib.contextmanager
def served(points: int) -> Iterator[str]:
    """Gives the address of a server whose map has so many points, and 500 more later."""
    command = [sys.executable, str(SERVER), "--clouds", "--texts", str(points + LATER)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            fake(url, later=LATER)
            yield url
        finally:
            server.kill()


def fake(url: str, **changes: Any) -> None:
    urllib.request.urlopen(f"{url}/fake", json.dumps(changes).encode()).close()


def opened(browser: Browser, url: str, points: int, ratio: int) -> Page:
    """Gives a page with the whole map, coloured by what the model thinks."""
    page = browser.new_page(viewport={"width": 1440, "height": 900}, device_scale_factor=ratio)
    page.goto(url)
    page.wait_for_selector("#reading .text")
    page.keyboard.press("m")
    wait(page, f"document.getElementById('map-counts')?.textContent.startsWith('{points:,} texts')")
    page.select_option("#map-colour", "prediction")
    wait(page, "document.getElementById('map-counts').textContent.includes('Opinions are those')")
    page.wait_for_timeout(1_000)
    return page


def wait(page: Page, expression: str) -> None:
    until = time.monotonic() + 60
    while not page.evaluate(expression):
        if time.monotonic() > until:
            raise SystemExit(f"Waited a minute in vain for {expression}")
        page.wait_for_timeout(50)


class Hand:
    """Moves over the map as a hand does: some 60 events a second, never farther than the map."""

    def __init__(self, page: Page, seconds: float) -> None:
        self.page, self.seconds = page, seconds
        box = page.locator(".map-box").bounding_box()
        if box is None:
            raise SystemExit("The map is not to be seen.")
        self.x, self.y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.reach = min(box["width"], box["height"]) / 2 - 12

    def at(self, turn: float, share: float = 1.0) -> tuple[float, float]:
        radius = self.reach * share
        return self.x + radius * math.cos(turn), self.y + radius * math.sin(turn)

    def along(self, step: Callable[[float], None]) -> None:
        """Calls `step` with a growing angle until the time is over."""
        begun = time.perf_counter()
        while (passed := time.perf_counter() - begun) < self.seconds:
            step(2 * math.pi * passed / 2.5)
            self.page.wait_for_timeout(8)

    def still(self) -> None:
        self.page.wait_for_timeout(1_000 * self.seconds)

    def hover(self) -> None:
        self.along(lambda turn: self.page.mouse.move(*self.at(turn, 0.6 + 0.4 * math.sin(3.3 * turn))))

    def pan(self) -> None:
        self.page.locator(".map-tool >> nth=0").click()
        self.page.mouse.move(*self.at(0, 0.5))
        self.page.mouse.down()
        self.along(lambda turn: self.page.mouse.move(*self.at(turn, 0.5)))
        self.page.mouse.up()
        self.page.locator(".map-tool >> nth=0").click()

    def zoom(self) -> None:
        self.page.mouse.move(*self.at(0.4, 0.3))
        self.along(lambda turn: self.page.mouse.wheel(0, -30 if math.sin(turn) > 0 else 30))
        self.page.locator(".map-tool >> nth=3").click()

    def lasso(self) -> None:
        self.page.mouse.move(*self.at(0, 0.9))
        self.page.mouse.down()
        self.along(lambda turn: self.page.mouse.move(*self.at(turn, 0.9)))
        self.page.mouse.up()
        self.page.wait_for_timeout(300)
        self.page.keyboard.press("Escape")


def summary(times: list[float]) -> Json:
    if len(times) < 30:
        raise SystemExit(f"Only {len(times)} frames were seen: the browser draws nothing, or the machine is too busy.")
    p50, p95 = np.quantile(times, [0.5, 0.95])
    return {
        "frames": len(times),
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "max_ms": round(max(times), 1),
        "over_34_ms": round(float(np.mean(np.array(times) > 34)), 4),
    }


def gestures(page: Page, seconds: float) -> Json:
    """Gives the frame times of each gesture, and of none, which is what the machine alone does."""
    hand = Hand(page, seconds)
    found: Json = {}
    for name in ("still", "pan", "zoom", "hover", "lasso"):
        page.evaluate(RECORD)
        getattr(hand, name)()
        found[name] = summary(page.evaluate(STOP))
    return found


def loading(page: Page, path: str, *, grows: bool) -> Json:
    """Gives size and times of the points' JSON, the median of five; with `grows` of those that join the others."""
    runs = [page.evaluate(LOAD, [path, grows]) for _ in range(5)]
    return {name: round(float(np.median([run[name] for run in runs])), 1) for name in runs[0]} | {
        "bytes": runs[0]["bytes"]
    }


def laying_out(n: int = 10_000, later: int = 1_000) -> Json:
    """Gives the seconds of both layouts, each with the start of its process."""
    chance = np.random.default_rng(0)
    middles, kind = chance.normal(size=(200, 384)), chance.integers(200, size=n + later)
    vectors = middles[kind] + chance.normal(scale=0.9, size=(n + later, 384))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with tempfile.TemporaryDirectory() as place:
        source, target, standing = (str(Path(place) / f"{name}.npy") for name in ("vectors", "places", "standing"))

        def seconds(*told: str) -> float:
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-m", "tyrogue.labeling.layout", source, target, *told], check=True)
            return round(time.perf_counter() - begun, 1)

        np.save(source, vectors[:n].astype(np.float16))
        fitted = seconds(str(n))
        Path(target).rename(standing)
        np.save(source, vectors.astype(np.float16))
        beside = sorted(seconds(str(n), standing) for _ in range(3))
    return {"points": n, "seconds": fitted, "later": later, "beside_seconds": beside[1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each gesture")
    parser.add_argument("--ratios", type=int, nargs="+", default=[1, 2], help="device pixels a CSS pixel")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--save", action="store_true", help="write results/map.json")
    options = parser.parse_args()
    found: Json = {"points": options.points, "load_average": round(os.getloadavg()[0], 1), "frames": {}}
    with served(options.points) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        found["chromium"] = browser.version
        for ratio in options.ratios:
            page = opened(browser, url, options.points, ratio)
            found["frames"][str(ratio)] = gestures(page, options.seconds)
            page.close()
        page = browser.new_page()
        page.goto(url)
        found["places"] = loading(page, "/api/map", grows=False)
        fake(url, grown=True)
        found["grown"] = {"points": LATER} | loading(page, "/api/map?known=1", grows=True)
        found["opinions_bytes"] = page.evaluate("fetch('/api/map/opinions').then((r) => r.blob()).then((b) => b.size)")
        browser.close()
    found["layout"] = laying_out()
    print(json.dumps(found, indent=1))
    if options.save:
        print("written to", write("map", found))


if __name__ == "__main__":
    main()

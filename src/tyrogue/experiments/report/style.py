"""The same colour for a strategy in every figure, from a palette that colour-blind people can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from zlib import crc32

# Okabe and Ito (2008). Yellow is darkened: on white paper the original is not seen.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#B8A800", "#0072B2", "#D55E00", "#CC79A7"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW, BLACK)


class Style(NamedTuple):
    color: str
    dash: Any
    marker: str

    @property
    def bar(self) -> dict[str, Any]:
        """How a bar or a patch is filled."""
        hatch = HATCHES.get(self.dash)
        return {"facecolor": self.color, "edgecolor": "white", "hatch": hatch, "linewidth": 0}


SOLID, DASHED, DOTTED, MIXED = "-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5))
HATCHES = {DASHED: "////", DOTTED: "....", MIXED: "xxxx"}
"""What a dash is on a bar: two strategies may share a colour, but not colour and dash."""

STYLES: dict[str, Style] = {
    "tyrogue": Style(VERMILLION, SOLID, "o"),
    "random": Style(BLACK, DOTTED, "x"),
    "entropy": Style(BLUE, SOLID, "s"),
    "cal": Style(ORANGE, SOLID, "^"),
    "ftbertkm": Style(GREEN, SOLID, "D"),
    "alps": Style(SKY, SOLID, "v"),
    "badge": Style(PURPLE, SOLID, "P"),
    "bertkm": Style(GREEN, DOTTED, "d"),
    "least_confidence": Style(BLUE, DOTTED, "s"),
    "margin": Style(BLUE, DASHED, "s"),
    "bald": Style(SKY, DASHED, "v"),
    "coreset": Style(YELLOW, SOLID, "h"),
    "dal": Style(ORANGE, DASHED, "^"),
    "cluster_margin": Style(PURPLE, DASHED, "P"),
    "swapped": Style(VERMILLION, DASHED, "o"),
    "typiclust": Style(GREEN, DASHED, "D"),
    "probcover": Style(SKY, MIXED, "<"),
    "dropquery": Style(PURPLE, MIXED, "*"),
    "maxherding": Style(YELLOW, DASHED, "h"),
    "uherding": Style(BLACK, DASHED, "p"),
}

SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "svg.hashsalt": "tyrogue",
}


def style_of(name: str, variant: int = 0) -> Style:
    """Gives a strategy's style; one that is not in the table gets one by its name, always the same.

    Variants of a strategy (other parameters, another mode) keep its colour, in lighter shades and other dashes.
    """
    number = crc32(name.encode())
    own = STYLES.get(name) or Style(PALETTE[number % len(PALETTE)], (DASHED, MIXED, SOLID)[number // 8 % 3], "o")
    if not variant:
        return own
    shade = (0.35, 0.6, 0.2, 0.5)[(variant - 1) % 4]
    return own._replace(color=lighter(own.color, shade), dash=(DASHED, MIXED, DOTTED)[(variant - 1) % 3])


def lighter(color: str, share: float) -> str:
    """Gives a colour mixed with that share of white."""
    parts = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (255 - part) * share):02X}" for part in parts)


@contextmanager
def styled() -> Iterator[None]:
    """Draws with the report's settings, without touching anybody else's."""
    import matplotlib

    with matplotlib.rc_context(SETTINGS):
        yield

"""The table of strategies: names, descriptions, creation from strings, your own class."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from numpy.random import Generator

from tyrogue.errors import UnknownName, UsageError
from tyrogue.protocols import View
from tyrogue.strategies import STRATEGIES, Bald, ProbCover, Random, Swapped, Tyrogue, create, describe
from tyrogue.testing.strategies import check_strategy
from tyrogue.types import Selection

NAMES = [
    "random",
    "entropy",
    "least_confidence",
    "margin",
    "bald",
    "bertkm",
    "ftbertkm",
    "badge",
    "alps",
    "cal",
    "coreset",
    "dal",
    "cluster_margin",
    "swapped",
    "typiclust",
    "probcover",
    "dropquery",
    "maxherding",
    "uherding",
    "tyrogue",
]
DOCS = Path(__file__).parents[2] / "docs" / "strategies.md"


@dataclass(frozen=True)
class Mine:
    """Takes what comes.

    Attributes:
        eager: whether to hurry,
            and how.
    """

    eager: bool = False

    cold_start: ClassVar[bool] = True
    whole_pool: ClassVar[bool] = False

    def query(self, view: View, n: int, rng: Generator) -> Selection:
        return Random().query(view, n, rng)


class NoStrategy:
    pass


def test_the_names() -> None:
    assert sorted(STRATEGIES) == sorted(NAMES)


@pytest.mark.parametrize("description", describe(), ids=sorted(STRATEGIES))
def test_every_strategy_is_described(description: object) -> None:
    from tyrogue.strategies import Description

    assert isinstance(description, Description)
    assert re.search(r"\(\d{4}\), ", description.paper)
    assert description.summary.endswith((".", ").", ";"))
    for parameter in description.parameters:
        assert parameter.description.endswith("."), parameter
        assert parameter.type
        text = str(parameter.default)
        remade = create(description.name, **{parameter.name: text})
        assert remade == STRATEGIES[description.name](), "the default, read from its spelling, is the default"


def test_description_of_tyrogue() -> None:
    tyrogue = next(d for d in describe() if d.name == "tyrogue")
    ratio = tyrogue.parameters[0]
    assert (ratio.name, ratio.type, ratio.default) == ("ratio", "int or auto", 3)
    assert ratio.description.startswith("r; 1 is diversity only")
    assert tyrogue.cold_start
    assert not tyrogue.whole_pool


def test_strings_are_read_by_type() -> None:
    assert create("tyrogue", ratio="5", conditional="true") == Tyrogue(ratio=5, conditional=True)
    assert create("bald", full="no", dropout="0.25", passes=3) == Bald(dropout=0.25, passes=3)
    assert create("probcover", delta="auto", purity="0.9") == ProbCover(purity=0.9)
    assert create("probcover", delta="0.5") == ProbCover(delta=0.5)
    assert create("swapped", by="entropy") == Swapped(by="entropy")


@pytest.mark.parametrize(
    ("name", "parameters", "error", "says"),
    [
        ("tyroge", {}, UnknownName, "Did you mean 'tyrogue'"),
        ("tyrogue", {"rato": "3"}, UnknownName, "Did you mean 'ratio'"),
        ("tyrogue", {"ratio": "many"}, UsageError, "ratio is int"),
        ("tyrogue", {"ratio": "0"}, UsageError, "at least 1"),
        ("bald", {"full": "perhaps"}, UsageError, "full is bool"),
        ("swapped", {"by": "luck"}, UsageError, "margin or entropy"),
        ("probcover", {"delta": "7"}, UsageError, "at most 2"),
        ("uherding", {"sigma": "-1"}, UsageError, "above 0"),
        ("no.such.module:Thing", {}, UsageError, "cannot be imported"),
        ("tyrogue.types:NoSuchClass", {}, UsageError, "cannot be imported"),
        (f"{__name__}:NoStrategy", {}, UsageError, "is no strategy"),
    ],
)
def test_what_does_not_fit_says_why(name: str, parameters: dict[str, str], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        create(name, **parameters)


def test_your_own_class_by_its_path() -> None:
    made = create(f"{__name__}:Mine", eager="true")
    assert made == Mine(eager=True)
    mine = describe({"mine": Mine})[0]
    assert mine.parameters[0].description == "whether to hurry, and how."
    assert mine.paper == ""


def test_the_example_in_the_docs_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = next(
        block for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL) if "Longest" in block
    )
    (tmp_path / "my_strategy.py").write_text(example)
    monkeypatch.syspath_prepend(tmp_path)
    check_strategy(create("my_strategy:Longest", candidates="12"))


@pytest.mark.parametrize("name", NAMES)
def test_no_strategy_without_its_entry_in_the_docs(name: str) -> None:
    text = DOCS.read_text()
    entry = re.search(rf"^### `{name}`\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert entry, f"docs/strategies.md has no section ### `{name}`"
    for part in ("**Paper**", "**Rule**", "**Cost**", "**Start**", "**Use it**", "**Measured**"):
        assert part in entry[1], f"the entry of {name} does not tell {part}"
    description = next(d for d in describe() if d.name == name)
    assert ("cold" in re.search(r"\*\*Start\*\*(.*)", entry[1])[1]) is description.cold_start  # type: ignore[index]
    for parameter in description.parameters:
        assert f"`{parameter.name}`" in entry[1], f"the entry of {name} does not tell of {parameter.name}"
    assert re.search(rf"^\| [^|]*\| .*`{name}`", text, re.MULTILINE), f"{name} is missing from the paper index"

"""`import tyrogue` stays light; the public names are there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tyrogue

SRC = str(Path(tyrogue.__file__).parents[1])
HEAVY = ["torch", "transformers", "sklearn", "scipy", "sqlalchemy", "fastapi", "numpy"]


def _loaded_after(statement: str) -> set[str]:
    code = f"import sys; sys.path.insert(0, {SRC!r}); {statement}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not _loaded_after("import tyrogue") & set(HEAVY)


@pytest.mark.parametrize(
    "statement", ["from tyrogue import STRATEGIES, Learner, Pool", "import tyrogue.testing.strategies"]
)
def test_the_strategies_load_neither_torch_nor_scikit_learn(statement: str) -> None:
    assert not _loaded_after(statement) & (set(HEAVY) - {"numpy"})


def test_every_public_name_is_there() -> None:
    for name in tyrogue.__all__:
        assert getattr(tyrogue, name) is not None
    assert dir(tyrogue) == sorted(tyrogue.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = tyrogue.no_such_name

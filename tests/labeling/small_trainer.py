"""The trainer process on a small project; it hangs where a test wants to kill it.

    python small_trainer.py PROJECT

PROJECT/hang holds `stage` or `fit`: the next one of these never ends. The file goes when it hangs, so that the process
after it does not.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from small import WordEncoder

from tyrogue.labeling import offline, trainer
from tyrogue.models import LinearClassifier
from tyrogue.strategies import Tyrogue


def hanging(name: str, folder: Path, function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **named: Any) -> Any:
        hang = folder / "hang"
        if hang.exists() and hang.read_text() == name:
            hang.rename(folder / f"hangs-in-{name}")
            time.sleep(600)
        return function(*arguments, **named)

    return wrapped


if __name__ == "__main__":
    place = Path(sys.argv[1])
    for of, name, put in (
        (offline, "open_encoder", lambda *_, **__: WordEncoder()),
        (Tyrogue, "stage", hanging("stage", place, Tyrogue.stage)),
        (LinearClassifier, "fit", hanging("fit", place, LinearClassifier.fit)),
    ):
        setattr(of, name, put)
    trainer.run(place)

"""The autopilot: gold labels answer, so that one can watch the curve grow."""

from __future__ import annotations

import contextlib
import threading
import uuid

from tyrogue.errors import TyrogueError
from tyrogue.labeling.engine import Engine

NAME = "autopilot"


class Autopilot:
    """Answers from the gold labels while the store says that it is on."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="autopilot", daemon=True)

    def start(self) -> None:
        if self.engine.has_gold:
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def _run(self) -> None:
        pause = 0.2
        while not self._stopping.wait(pause):
            setting = self.engine.store.get("autopilot", {"on": False})
            pause = float(setting.get("seconds", 0.3)) if setting["on"] else 0.2
            if setting["on"]:
                with contextlib.suppress(TyrogueError, OSError):
                    self.answer_one()

    def answer_one(self) -> bool:
        """Labels the next text with its gold label, or skips a text that has none; whether there was one."""
        items = self.engine.store.reserve(NAME, 1)
        if not items:
            return False
        item = items[0]
        gold = self.engine.project.corpus.gold([item.row])[0]
        classes = {c.name: c.id for c in self.engine.store.classes(active_only=True)}
        class_id = classes.get(gold or "")
        self.engine.submit(
            token=f"autopilot-{uuid.uuid4().hex}",
            item=item.id,
            action="skip" if class_id is None else "label",
            class_id=class_id,
            annotator=NAME,
        )
        return True

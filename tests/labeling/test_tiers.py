"""Which kind of model is in charge: decided on held-out labels, in idle time, where the plan leaves it open."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from small import Session, session, without_delay

from tyrogue.labeling import tiers
from tyrogue.models import LinearClassifier
from tyrogue.models.crossfit import HeldOut
from tyrogue.pool import Inputs
from tyrogue.types import FitReport, Labels


class Coarse(LinearClassifier):
    """Stands for the transformer: a linear model that is worse than the real one, and says by how much."""

    sharpness = 1.0
    failing = False
    attempts: ClassVar[list[int]] = []

    def __init__(self, n_classes: int, embedder: Any, *, temperature: float = 1.0, **_: Any) -> None:
        super().__init__(n_classes, embedder, c=1.0)
        self.given = temperature

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Any = None) -> FitReport:
        if self.failing:
            self.attempts.append(len(labels))
            raise MemoryError("no room")
        report = super().fit(inputs, labels, seed=seed)
        weight, bias = (np.asarray(w * self.sharpness / self.given, np.float32) for w in self.weights)
        self._weights = weight, bias
        return report


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    without_delay(monkeypatch)
    monkeypatch.setattr("tyrogue.labeling.dial.RATIOS", ())
    monkeypatch.setattr("tyrogue.labeling.timing.Timing.expected_seconds", lambda *_: 0.5)
    monkeypatch.setattr("tyrogue.labeling.ahead.FIRST_SCREEN_SECONDS", 3600.0)
    from tyrogue.models import MODELS, create

    def made(kind: str, *, n_classes: int, embedder: Any, **options: Any) -> Any:
        if kind == "linear":
            return create("linear", n_classes=n_classes, embedder=embedder)
        return Coarse(n_classes, embedder, temperature=options["temperature"])

    assert "transformer" in MODELS
    monkeypatch.setattr("tyrogue.labeling.fitting.models.create", made)


def compared(s: Session, labels: int) -> dict[str, Any]:
    """Lets the trainer idle until it has compared the models on so many labels."""
    until = time.monotonic() + 60
    while ((s.store.get(tiers.TIERS) or {}).get("labels", 0)) < labels:
        assert time.monotonic() < until, "the models were not compared"
        s.settle()
        time.sleep(0.005)
    return dict(s.store.get(tiers.TIERS))


def kinds(s: Session) -> list[str]:
    return [model.kind for model in s.store.models()]


def test_the_linear_model_takes_over_where_it_is_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Coarse, "sharpness", -1.0)  # sure of the wrong class
    with session(tmp_path, model="auto", audit=0.0) as s:
        s.label(50)
        assert "transformer" in kinds(s)
        told = compared(s, 50)
        assert told["log_loss"]["linear"] < told["log_loss"]["transformer"]
        before = len(kinds(s))
        s.label(20)
        assert set(kinds(s)[before:]) == {"linear"}


def test_the_transformer_stays_where_it_is_better_and_is_cooled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Coarse, "sharpness", 3.0)
    monkeypatch.setattr("tyrogue.labeling.tiers.KINDS", ("transformer",))
    with session(tmp_path, model="auto", audit=0.0) as s:
        s.label(50)
        told = compared(s, 50)
        s.label(10)
        assert kinds(s)[-1] == "transformer"
        model = s.pipeline.fitter.model
        assert isinstance(model, Coarse)
        assert model.given == told["temperature"] != 1.0


@pytest.mark.parametrize("model", ["transformer", "linear"])
def test_a_plan_that_names_a_model_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    monkeypatch.setattr(Coarse, "sharpness", -1.0)
    with session(tmp_path, model=model, audit=0.0) as s:
        s.label(70)
        assert set(kinds(s)[1:]) == {model}
        assert (s.store.get(tiers.TIERS) is None) == (model == "linear")


def test_a_comparison_that_fails_disturbs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with session(tmp_path, model="auto", audit=0.0) as s:
        s.label(45)
        monkeypatch.setattr(Coarse, "failing", True)
        monkeypatch.setattr("tyrogue.labeling.timing.Timing.due", lambda *_: None)
        s.label(10)
        until = time.monotonic() + 60
        while not Coarse.attempts and time.monotonic() < until:
            s.settle()
        for _ in range(20):
            s.settle()
            time.sleep(0.01)
        assert len(Coarse.attempts) == 1, "it is not tried again before there are more labels"
        assert s.store.get(tiers.TIERS) is None
        assert len(s.ask(5)) == 5


def test_held_out_logits_are_judged_at_their_best_temperature() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=400)
    logits = rng.normal(size=(400, 3)) + 2 * np.eye(3)[labels]
    plain, sharp = HeldOut.of(logits, labels), HeldOut.of(3 * logits, labels)
    assert sharp.temperature == pytest.approx(3 * plain.temperature, rel=1e-3)
    assert sharp.log_loss == pytest.approx(plain.log_loss, rel=1e-5)

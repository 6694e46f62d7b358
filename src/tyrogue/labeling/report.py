"""The report on the model in charge: accuracy, reasons to stop, warnings. The trainer writes it; the page reads it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tyrogue import stopping
from tyrogue.corpus.project import Project
from tyrogue.estimates import ENOUGH
from tyrogue.labeling import advice
from tyrogue.labeling.checks import CROSS_FITTED, INDEPENDENT, Checked, audit
from tyrogue.labeling.known import Known
from tyrogue.labeling.lessons import knows_checks
from tyrogue.labeling.plan import Plan
from tyrogue.labeling.suspects import suspects
from tyrogue.store import Class, Model, Store
from tyrogue.types import Labels, Rows

JUDGEMENT = "judgement"
"""The setting that holds the report."""
CROSS_FITTED_KEY = "cross-fitted"
APART = 40
"""Labels between two models that are compared: a model of three labels more agrees with the last one anyway."""
COMPARED = 12

Json = dict[str, Any]
Said = dict[int, int]
"""The class id that a model gives to each row of the sample."""


def spaced(models: list[Model], last: Model) -> list[Model]:
    """Gives the models up to `last` that lie far enough apart to be compared, oldest first."""
    chosen = [last]
    for model in reversed(models):
        if chosen[-1].labels - model.labels >= APART:
            chosen.append(model)
    return chosen[:COMPARED][::-1]


class Curve(NamedTuple):
    """Points of a learning curve, and how much each may be off."""

    source: str
    points: list[tuple[int, float]]
    noise: float
    """Of a point, as far as known."""
    luck: float
    """Of a model about its curve."""

    def of(self, more: int) -> stopping.Gain | None:
        """Gives what so many more labels are likely worth."""
        labels, scores = zip(*self.points, strict=True)
        rng = np.random.default_rng(len(labels))
        return stopping.expected_gain(labels, scores, more, rng, noise=self.noise, luck=self.luck)


def flips(rights: list[NDArray[np.bool_]]) -> float:
    """Gives the standard deviation of an accuracy among models that are judged on the same checks: half the variance
    of the difference of two that follow one another."""
    changed = [float((one != other).mean()) for one, other in pairwise(rights)]
    return float(np.sqrt(np.mean(changed) / (2 * len(rights[-1])))) if changed else 0.0


def _array(said: Said, rows: list[int]) -> Labels:
    return np.array([said[row] for row in rows], np.int64)


class Reporter:
    """Puts the report together from what is stored; asks no model.

    Args:
        project, store: whose texts and labels.
        known: labels, read once for each change.
    """

    def __init__(self, project: Project, store: Store, known: Known) -> None:
        self.project, self.store, self.known = project, store, known
        self._said: dict[str, tuple[Said, float]] = {}

    def asked(self, version: str) -> bool:
        """Whether it is known what this model says about the sample."""
        return self._of(version) is not None

    def note(self, version: str, rows: Rows, predicted: Labels, uncertainty: float) -> None:
        """Keeps what a model says about the sample."""
        told = {"rows": rows.tolist(), "predicted": predicted.tolist(), "uncertainty": uncertainty}
        self.store.set(f"sample/{version}", told)

    def write(self, version: str) -> Json:
        """Writes the report on the newest model; gives it."""
        told = Evidence(self).report(version)
        self.store.set(JUDGEMENT, told)
        return told

    def _of(self, version: str) -> tuple[Said, float] | None:
        if version not in self._said:
            told = self.store.get(f"sample/{version}")
            if told is None:
                return None
            said = dict(zip(told["rows"], told["predicted"], strict=True))
            self._said = {key: self._said[key] for key in list(self._said)[-2 * COMPARED :]} | {
                version: (said, told["uncertainty"])
            }
        return self._said[version]


class Evidence:
    """What is known at one moment, classes merged as they are then."""

    def __init__(self, reporter: Reporter) -> None:
        self.store, self.reporter, self.known = reporter.store, reporter, reporter.known
        self.project = reporter.project
        classes = self.store.classes()
        self.root = {c.id: c.id if c.merged_into is None else c.merged_into for c in classes}
        self.classes: list[Class] = [c for c in classes if c.active]
        self.ids = [c.id for c in self.classes]
        self.names = {c.id: c.name for c in self.classes}
        self.place = {id: n for n, id in enumerate(self.ids)}
        self.checks = self.known.checks()

    def report(self, version: str) -> Json:
        """Gives the report on this model."""
        models = [model for model in self.store.models() if self.reporter.asked(model.version)]
        current = next(model for model in models if model.version == version)
        compared = spaced([model for model in models if model.labels <= current.labels], current)
        accuracy, sample = self._audit(current), self._sample(current)
        queried = self._places(self.known.labels()[1])
        stuck = stopping.stuck(sample, queried, len(self.ids))
        never = [self.classes[n].name for n in stopping.never_predicted(sample, queried, len(self.ids)) if len(sample)]
        found = suspects(self.store)
        gain = self._gain(compared)
        return {
            "model": version,
            "labels": current.labels,
            "journal": self.store.journal_position(),
            "promoted": self.known.promoted(),
            "audit": accuracy,
            "reasons": self._reasons(compared, sample, stuck=stuck, gain=gain),
            "gain": None if gain is None else self._next(gain),
            "warnings": advice.warnings(
                never=never, stuck=stuck, audit=accuracy, names=self.names, suspected=len(found)
            ),
            "drift": self._drift(sample),
            "suspects": len(found),
        }

    # How good it is

    def _audit(self, model: Model) -> Json | None:
        source = CROSS_FITTED if knows_checks(model) else INDEPENDENT
        checked = self._checked(self._cross_fitted(model) if source == CROSS_FITTED else self._said(model))
        rng = np.random.default_rng(len(checked.true))
        return audit(checked, self.ids, population=len(self.project.corpus), source=source, rng=rng)

    def _cross_fitted(self, model: Model) -> Said:
        told = self.store.get(CROSS_FITTED_KEY) or {}
        if told.get("version") != model.version:
            return {}
        return self._merged(dict(zip(told["rows"], told["predicted"], strict=True)))

    def _checked(self, said: Said) -> Checked:
        return Checked.of(*self.checks, said, self.place)

    def _said(self, model: Model) -> Said:
        told = self.reporter._of(model.version)
        return {} if told is None else self._merged(told[0])

    def _merged(self, said: Said) -> Said:
        return {row: self.root[class_id] for row, class_id in said.items()}

    # Whether to stop

    def _reasons(self, models: list[Model], sample: Labels, *, stuck: bool, gain: Curve | None) -> list[Json]:
        told = self.reporter._of(models[-1].version)
        return [
            advice.stable(self._kappas(models), len(sample), stuck=stuck),
            advice.sure(told[1] if told is not None and len(sample) else None),
            self._flat(models),
            advice.little(None, None) if gain is None else advice.little(gain.of(stopping.AHEAD), gain.source),
        ]

    def _kappas(self, models: list[Model]) -> list[float]:
        return [stopping.kappa(before, after) for before, after in self._pairs(models)]

    def _luck(self, models: list[Model]) -> float:
        return stopping.luck_of([float((before == after).mean()) for before, after in self._pairs(models)])

    def _pairs(self, models: list[Model]) -> Iterator[tuple[Labels, Labels]]:
        """Gives what each of the last models and the one before say of the texts that neither was trained on."""
        trained = {*self.known.labels()[0].tolist()}
        for one, other in pairwise(models[-stopping.LAST - 1 :]):
            before, after = self._said(one), self._said(other)
            if rows := [row for row in after if row in before and row not in trained]:
                yield _array(before, rows), _array(after, rows)

    def _flat(self, models: list[Model]) -> Json:
        now = models[-1]
        earlier = [one for one in models if one.labels <= now.labels - stopping.AHEAD]
        if not earlier or knows_checks(now) or knows_checks(earlier[-1]):
            return advice.flat(None, np.empty(0, np.int64), 0)
        then, right = (self._checked(self._said(one)).right.astype(np.int64) for one in (earlier[-1], now))
        if len(then) != len(right):  # the sample has grown since
            return advice.flat(None, right, 0)
        return advice.flat(then, right, now.labels - earlier[-1].labels)

    def _gain(self, models: list[Model]) -> Curve | None:
        """Gives the learning curve that tells most: on a test file, on enough checks, else cross-validated."""
        known = {model.version: f"curve/{model.version}" for model in models}
        told = self.store.settings(list(known.values()))
        points = [(model.labels, told[key]) for model in models if (key := known[model.version]) in told]
        tests = [(labels, point["accuracy"]) for labels, point in points if point["source"] == "test"]
        if len(tests) >= stopping.POINTS:
            return Curve("test", tests, 0.0, self._luck(models))
        checked = self._checked_curve(models)
        if checked is not None:
            return checked
        folds = [(labels, point["accuracy"]) for labels, point in points if point["source"] == "cross-validated"]
        if len(folds) < stopping.POINTS:
            return None
        labels, accuracy = folds[-1]
        noise = float(np.sqrt(accuracy * (1 - accuracy) / max(labels, 1)))
        return Curve("cross-validated", folds, noise, self._luck(models))

    def _checked_curve(self, models: list[Model]) -> Curve | None:
        """Gives all these models on the checks that there are now: the same for each, so that only they differ."""
        independent = [model for model in models if not knows_checks(model)]
        judged = [(model.labels, self._checked(self._said(model)).right) for model in independent]
        judged = [(labels, right) for labels, right in judged if len(right) == len(judged[-1][1])]
        if len(judged) < stopping.POINTS or len(judged[-1][1]) < ENOUGH:
            return None
        points, noise = [(n, float(right.mean())) for n, right in judged], flips([right for _, right in judged])
        return Curve("audit", points, noise, self._luck(models))

    def _next(self, curve: Curve) -> Json | None:
        batch = Plan.current(self.project, self.store).batch
        gain = curve.of(batch)
        return None if gain is None else {"labels": batch, "source": curve.source, **gain._asdict()}

    # What is odd

    def _sample(self, model: Model) -> Labels:
        return self._places(np.array(list(self._said(model).values()), np.int64))

    def _places(self, ids: Labels) -> Labels:
        return np.array([self.place[id] for id in ids.tolist()], np.int64)

    def _drift(self, sample: Labels) -> Json | None:
        queried = self._places(self.store.labels(kinds=("query",))[1])
        checks, names = self._places(self.checks[1]), [c.name for c in self.classes]
        source, pool = ("audit", checks) if len(checks) >= ENOUGH else ("predictions", sample)
        return advice.drift(queried, pool, names, source=source)

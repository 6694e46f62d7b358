"""Reasons to stop and warnings, in words: what was measured, and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tyrogue import stopping
from tyrogue.estimates import ENOUGH
from tyrogue.types import Labels

Json = dict[str, Any]

SOURCES = {
    "test": "your test file",
    "audit": "the random checks",
    "cross-validated": "cross-validation on the labels, which are harder than your texts",
}
DRIFT = 0.15
"""Share of the labels that would have to be of another class before the difference is worth a word."""
DRIFT_LEVEL = 0.01


def reason(name: str, holds: bool | None, words: str, **figures: Any) -> Json:
    """Gives a reason to stop: whether it holds (None: not enough yet) and the sentence that says why."""
    return {"name": name, "holds": holds, "words": words, **figures}


def stable(kappas: Sequence[float], texts: int, *, stuck: bool) -> Json:
    """Gives whether consecutive models say the same about the fixed sample."""
    if (holds := stopping.stable(kappas)) is None:
        return reason("stable", None, "Are the predictions stable? Not enough models yet to compare.", kappas=kappas)
    last = ", ".join(f"{one:.2f}" for one in kappas[-stopping.LAST :])
    measured = f"the last models agree with one another by {last} (kappa, on {texts:,} texts)"
    if stuck:
        words = f"The model gives nearly every text to one class, so that it says nothing that {measured}."
        return reason("stable", False, words, kappas=kappas)
    words = f"Predictions are stable: {measured}." if holds else f"Predictions still change: {measured}."
    return reason("stable", holds, words, kappas=kappas)


def sure(uncertainty: float | None) -> Json:
    """Gives whether the model is hardly in doubt."""
    if uncertainty is None:
        return reason("sure", None, "Is the model sure? Not measured yet.", uncertainty=None)
    holds = uncertainty < stopping.LOW_UNCERTAINTY
    told = f"{uncertainty:.0%} of the largest possible uncertainty, on average over the pool"
    words = f"The model is hardly in doubt: {told}." if holds else f"The model is still in doubt: {told}."
    return reason("sure", holds, words, uncertainty=uncertainty)


def flat(before: Labels | None, now: Labels, labels: int) -> Json:
    """Gives whether the random checks have gained over the last labels.

    Args:
        before, now: 1 where the model of then, and that of now, is right about a check, (n,).
        labels: how many labels lie between the two models.
    """
    if before is None or len(now) < ENOUGH:
        words = f"Is the curve flat? Not enough yet: it takes {ENOUGH} random checks and {stopping.AHEAD} more labels."
        return reason("flat", None, words, gained=None)
    difference = now.astype(np.float64) - before
    gained = float(difference.mean())
    half = 1.645 * float(difference.std()) / np.sqrt(len(now))
    span = f"{points(gained - half)} to {points(gained + half)}, on {len(now)} random checks"
    words = f"The last {labels} labels were worth {points(gained)} points ({span})."
    return reason("flat", gained <= stopping.LITTLE, words, gained=gained, low=gained - half, high=gained + half)


def little(gain: stopping.Gain | None, source: str | None) -> Json:
    """Gives whether little is to be expected of the next hundred labels."""
    if gain is None or source is None:
        words = f"What are more labels worth? Not enough yet: it takes {stopping.POINTS} points of a curve."
        return reason("little", None, words)
    told = f"{points(gain.expected)} points ({points(gain.low)} to {points(gain.high)})"
    words = f"The next {stopping.AHEAD} labels are likely worth {told}, by {SOURCES[source]}."
    return reason("little", gain.expected < stopping.LITTLE, words)


def outlook(gain: Mapping[str, Any], pace: float | None) -> str:
    """Gives what the next batch is likely worth, and what it takes at the user's pace."""
    span = f"{points(gain['low'])} to {points(gain['high'])}"
    words = f"The next {gain['labels']} labels are likely worth {points(gain['expected'])} points ({span})"
    minutes = "" if pace is None else f", about {duration(pace * gain['labels'])} at your pace"
    return f"{words}{minutes}. By {SOURCES[gain['source']]}."


def points(share: float) -> str:
    """Gives a difference of two shares in points, with its sign."""
    told = f"{100 * share:+.1f}"
    return "0.0" if told in ("+0.0", "-0.0") else told.replace("-", "−")


def duration(seconds: float) -> str:
    """Gives a time in its largest useful unit."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} seconds"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 90 else f"{seconds / 3600:.1f} hours"


def warnings(
    *, never: Sequence[str], stuck: bool, audit: Mapping[str, Any] | None, names: Mapping[int, str], suspected: int
) -> list[Json]:
    """Gives what should be looked at, most serious first.

    Args:
        never: names of classes that have labels and are never predicted.
        stuck: whether nearly everything is given to one class.
        audit: the honest accuracy.
        names: of the classes by id.
        suspected: labels that look like mistakes.
    """
    found = []
    if stuck:
        found.append(_warning("stuck", "The model gives nearly every text to one class: label more of the others."))
    elif audit and audit["enough"] and audit["low"] <= audit["majority"]:
        most = max(audit["classes"], key=lambda one: one["checks"])
        words = f"The accuracy is not surely above that of always saying '{names[most['class_id']]}'"
        found.append(_warning("majority", f"{words} ({audit['majority']:.0%} of the checks)."))
    found += [
        _warning("never", f"Class '{name}' is never predicted, although it has labels: search for more of it (key /).")
        for name in never
    ]
    if suspected:
        what = "label looks like a mistake" if suspected == 1 else "labels look like mistakes"
        found.append(_warning("suspects", f"{suspected} {what}: look at {'it' if suspected == 1 else 'them'} (key r)."))
    return found


def _warning(name: str, words: str) -> Json:
    return {"name": name, "words": words}


def drift(queried: Labels, sample: Labels, names: Sequence[str], *, source: str) -> Json | None:
    """Gives how the classes of the queried labels differ from those of the pool; None where that is not to be told.

    Args:
        queried: classes of the labels that the strategy asked for, (n,).
        sample: of a random sample of the pool, (m,): random checks, or what the model says.
        names: of the classes.
        source: `audit` or `predictions`.
    """
    from scipy.stats import chi2_contingency  # half a second of imports, which the web process does without

    counts = np.stack([np.bincount(some, minlength=len(names)) for some in (queried, sample)])
    counts = counts[:, counts.sum(0) > 0]
    if (counts.sum(1) < ENOUGH).any() or counts.shape[1] < 2:
        return None
    asked, pool = (np.bincount(some, minlength=len(names)) / len(some) for some in (queried, sample))
    apart, level = float(np.abs(asked - pool).sum() / 2), float(chi2_contingency(counts).pvalue)
    if apart < DRIFT or level > DRIFT_LEVEL:
        words = "The labels are spread over the classes about like the texts of the pool."
        return {"differs": False, "apart": apart, "p": level, "source": source, "words": words}
    most, least = int((asked - pool).argmax()), int((asked - pool).argmin())
    told = "random checks" if source == "audit" else "model's predictions on random texts"
    words = (
        f"'{names[most]}' is {asked[most]:.0%} of the labels and {pool[most]:.0%} of the {told}; '{names[least]}' is "
        f"{asked[least]:.0%} and {pool[least]:.0%}. That is usual: the strategy asks about what is hard or rare. So "
        "shares and accuracies must not be read off the labels, only off random checks."
    )
    return {"differs": True, "apart": apart, "p": level, "source": source, "words": words}

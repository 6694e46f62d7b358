"""Which column of a source is what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from tyrogue.errors import BadInput

NO_COLUMN = "none"
"""Given for `label` or `id`: there is none, even if a column has that name."""

# The first pair whose two columns are there; the names of the GLUE tasks.
PAIRS = (
    ("text", "text_pair"),
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
)
SINGLES = ("text", "sentence")
_HEADER_IS_A_TEXT = 60


@dataclass(frozen=True)
class Columns:
    """The names of the columns that have a role."""

    text: str
    text_pair: str | None = None
    label: str | None = None
    id: str | None = None

    def asdict(self) -> dict[str, str | None]:
        return asdict(self)

    @property
    def named(self) -> set[str]:
        return {name for name in (self.text, self.text_pair, self.label, self.id) if name is not None}


def recognise(
    source: str, seen: Sequence[str], sample: Sequence[Mapping[str, Any]], given: Mapping[str, str | None]
) -> tuple[Columns, list[str]]:
    """Gives the roles of the columns, and warnings where one was guessed.

    Args:
        source: for messages.
        seen: the columns there are.
        sample: the first rows.
        given: what the user says: role -> column, None for "find it".

    Raises:
        BadInput: a column that was given is not there, or none looks like texts.
    """
    given = {role: _find(source, seen, role, name) for role, name in given.items() if name is not None}
    label = given["label"] if "label" in given else _same("label", seen)
    own_id = given["id"] if "id" in given else _same("id", seen)
    if "text" in given:
        return Columns(given["text"] or "", given.get("text_pair"), label, own_id), []
    free = [name for name in seen if name not in (label, own_id, given.get("text_pair"))]
    if "text_pair" not in given:
        for first, second in PAIRS:
            a, b = _same(first, free), _same(second, free)
            if a and b:
                return Columns(a, b, label, own_id), []
    for single in SINGLES:
        if name := _same(single, free):
            return Columns(name, given.get("text_pair"), label, own_id), []
    text, warnings = _guess(source, seen, free, sample)
    return Columns(text, given.get("text_pair"), label, own_id), warnings


def _same(name: str, seen: Sequence[str]) -> str | None:
    return next((column for column in seen if column.lower() == name), None)


def _find(source: str, seen: Sequence[str], role: str, name: str | None) -> str | None:
    if name in seen:
        return name
    if name in (NO_COLUMN, "") and role != "text":
        return None
    raise BadInput(
        f"there is no column {name!r}; the columns are {_listed(seen)}.",
        source=source,
        remedy=f"Name one of them: --{role.replace('_', '-')} COLUMN.",
    )


def _guess(
    source: str, seen: Sequence[str], free: Sequence[str], sample: Sequence[Mapping[str, Any]]
) -> tuple[str, list[str]]:
    """Gives the only column of texts, or the one with the longest."""
    if any(len(name) > _HEADER_IS_A_TEXT for name in seen):
        raise BadInput(
            f"the first line should name the columns, but it looks like a text ({seen[0][:50]!r}...).",
            source=source,
            line=1,
            remedy="Put a header line before it, such as: text",
        )
    lengths = {name: _mean_length([row.get(name) for row in sample]) for name in free}
    texts = [name for name in free if lengths[name] > 0]
    if not texts:
        raise BadInput(
            f"no column looks like texts; the columns are {_listed(seen)}.",
            source=source,
            remedy="Name one: --text COLUMN.",
        )
    best = max(texts, key=lambda name: lengths[name])
    why = "the only one that holds texts" if len(texts) == 1 else "the one with the longest texts"
    return best, [f"Took column {best!r} as the text, {why} of {_listed(seen)}. If it is another: --text COLUMN."]


def _mean_length(values: Sequence[Any]) -> float:
    """Gives the mean length of the strings that are no numbers; 0 when there are none."""
    texts = [value for value in values if isinstance(value, str) and value.strip() and not _is_number(value)]
    return fmean(map(len, texts)) if texts else 0.0


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:30]) + (", ..." if len(names) > 30 else "") if names else "none at all"

"""How a project is labeled: its settings, as the trainer and the page read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import ceil
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tyrogue import strategies
from tyrogue.errors import UsageError
from tyrogue.protocols import Strategy
from tyrogue.view import Mode

if TYPE_CHECKING:
    from tyrogue.corpus.project import Project
    from tyrogue.store import Store

MODELS = ("linear", "transformer", "auto")
RECIPES = ("paper", "finetune", "product")
"""Names of `tyrogue.models`, known here so that a command need not import torch to check them; a test compares."""

LIVE = ("batch", "ratio", "suggestions", "audit", "overlap", "overlap_share")
"""What may change while people label; kept in the store. The rest is fixed with the project."""


MOST_OVERLAP = 20
SHARING = 0x5A
"""Purpose of the random numbers that say which texts are shared."""


@dataclass(frozen=True)
class Plan:
    """The settings of a project.

    Attributes:
        strategy: name of the acquisition function, or `package.module:Class`.
        parameters: of the strategy, other than the ratio.
        ratio: Tyrogue's r, or `auto`; ignored by strategies without one.
        batch: labels in a round.
        audit: share of each batch that is drawn from the reference sample, to judge the model honestly.
        model: `linear`, `transformer`, or `auto`: the transformer, unless the linear model has the lower log-loss on
            labels held out in turn.
        recipe: training recipe of the transformer.
        checkpoint: weights of encoder and transformer: `default`, a hub name or a folder.
        mode: what clusters are made of: `cached` or `current` embeddings.
        max_length: tokens that the model reads; None for the checkpoint's own.
        seed: of everything drawn.
        suggestions: whether the page shows what the model thinks.
        ahead: whether the next batch is chosen while this one is labeled. Without it the next batch waits for the last
            label and the training on it, as in the paper's experiments, and so do people.
        overlap: how many annotators each text goes to.
        overlap_share: the share of texts that go to so many; the others go to one.
    """

    strategy: str = "tyrogue"
    parameters: tuple[tuple[str, Any], ...] = ()
    ratio: int | Literal["auto"] = 3
    batch: int = 50
    audit: float = 0.1
    model: str = "transformer"
    recipe: str = "product"
    checkpoint: str = "default"
    mode: Mode = "cached"
    max_length: int | None = None
    seed: int = 0
    suggestions: bool = True
    ahead: bool = True
    overlap: int = 1
    overlap_share: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= 1000:
            raise UsageError(f"A batch of {self.batch} cannot be labeled; choose 1 to 1000.")
        if not 0 <= self.audit <= 0.5:
            raise UsageError(f"An audit share of {self.audit} makes no sense; choose 0 to 0.5.")
        if not (1 <= self.overlap <= MOST_OVERLAP and 0 < self.overlap_share <= 1):
            raise UsageError(
                f"{self.overlap_share} of the texts cannot go to {self.overlap} annotators; choose a share above 0 "
                f"and up to 1, and 1 to {MOST_OVERLAP} annotators."
            )

    @classmethod
    def of(cls, fixed: Mapping[str, Any], live: Mapping[str, Any]) -> Plan:
        """Gives the plan of a project from its fixed settings and those changed since."""
        known = {field.name for field in fields(cls)}
        merged = {name: value for name, value in fixed.items() if name in known}
        merged |= {name: live[name] for name in LIVE if name in live}
        if "parameters" in merged:
            merged["parameters"] = tuple(sorted(dict(merged["parameters"]).items()))
        return cls(**merged)

    @classmethod
    def current(cls, project: Project, store: Store) -> Plan:
        """Gives the plan of a project as it is now."""
        return cls.of(project.settings, store.settings(LIVE))

    def changed(self, **changes: Any) -> Plan:
        """Gives the plan with some settings changed; UsageError when they make no sense."""
        return replace(self, **changes)

    def as_settings(self) -> dict[str, Any]:
        """Gives the plan as JSON holds it."""
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        return settings | {"parameters": dict(self.parameters)}

    @property
    def audited(self) -> int:
        """How many texts of a batch come from the reference sample (none when the share is 0)."""
        return ceil(self.batch * self.audit) if self.audit else 0

    def annotators_of(self, row: int) -> int | None:
        """Gives how many annotators a text goes to where that is not the project's number, else None.

        Which texts are shared depends on seed and row alone, so that ranking again changes nothing.
        """
        if self.overlap_share >= 1:
            return None
        drawn = np.random.default_rng((self.seed, row, SHARING)).random()
        return None if drawn < self.overlap_share else 1

    @property
    def ratio_of_round(self) -> int | None:
        """The ratio as a round holds it: None for `auto`."""
        return None if self.ratio == "auto" else self.ratio

    @property
    def has_dial(self) -> bool:
        """Whether the strategy has a ratio to move."""
        return self.strategy == "tyrogue"

    def make_strategy(self) -> Strategy:
        """Gives the acquisition function, its dial where the plan says."""
        parameters = dict(self.parameters)
        if self.has_dial:
            parameters["ratio"] = self.ratio
        return strategies.create(self.strategy, **parameters)

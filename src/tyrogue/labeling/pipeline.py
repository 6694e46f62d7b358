"""The pipeline: keeps the queue filled, so that nobody waits.

    stage (draw, embed, cluster) -> rank with the model at hand -> queue
    labels -> fit in a thread -> rank again what has not been shown

At least a batch is queued ahead at all times, ranked by the newest model there is; a better ranking replaces what has
not been shown yet, never what has. Everything it needs to go on after a crash is in the store: a round is
opened once, and its stage is saved before its items are final.
"""

from __future__ import annotations

import time
from dataclasses import replace

from tyrogue.corpus.project import Project
from tyrogue.encoders.cache import CachedEncoder
from tyrogue.labeling.ahead import Say
from tyrogue.labeling.choosing import Chooser, strategy_of
from tyrogue.labeling.dial import Dial
from tyrogue.labeling.fitting import Fitter
from tyrogue.labeling.judge import Judge
from tyrogue.labeling.mapping import Mapper
from tyrogue.labeling.others import Others
from tyrogue.labeling.plan import Plan
from tyrogue.protocols import Staged
from tyrogue.store import NewItem, Round, Store


class Pipeline:
    """Does the next useful piece of work at each `step`; the trainer process owns the loop.

    Args:
        project: whose texts are labeled.
        store: where app and trainer meet.
        encoder: frozen, with its cache.
        say: reports phase, message and progress.
        maps: whether the map is drawn when there is nothing else to do.
    """

    def __init__(self, project: Project, store: Store, encoder: CachedEncoder, *, say: Say, maps: bool = False) -> None:
        self.project, self.store, self.encoder, self._say = project, store, encoder, say
        self.fitter = Fitter(project, store, encoder, say=say)
        self.chooser = Chooser(project, store, encoder, self.fitter, say=say, urgent=self._more_urgent_than_embedding)
        self.dial = Dial(store, self.chooser)
        self.judge = Judge(project, store, self.fitter)
        self.mapper = Mapper(project, store, encoder, Others(store, self.chooser)) if maps else None
        self.plan = self._planned()
        self._nothing_at: tuple[int, int, int] | None = None

    def step(self) -> bool:
        """Does one piece of work; False when there was none."""
        self.plan = self._planned()
        return (
            self._take_over()
            or self._follow_dial()
            or self._refine()
            or self._fill()
            or self.fitter.step(self.plan)
            or self._judge()
            or (self._map_waited_for() and self._draw_map())
            or self._prepare_dial()
            or self._draw_map()
        )

    def close(self, *, patiently: bool = False) -> None:
        """Ends what runs beside it: a fit (waited for only if `patiently`), the drawing of the map."""
        self.fitter.close(patiently=patiently)
        if self.mapper is not None:
            self.mapper.close()

    def _planned(self) -> Plan:
        return Plan.current(self.project, self.store)

    # What to do next, most urgent first

    def _take_over(self) -> bool:
        """A fit has ended: its model takes charge and ranks what is not shown yet, or the one before stays."""
        if not self.fitter.finished:
            return False
        taken, first, last = self.fitter.take(), self.store.current_round(unshown=True), self.store.last_round()
        self._say("waiting")
        if taken is not None and first is not None and last is not None:
            # The batch that is being handed out, and the one that was queued when its first text was.
            for number in range(first.number, last.number + 1):
                self._queue(self.store.round(number), replacing=True)
        return True

    def _follow_dial(self) -> bool:
        """The dial or the batch moved: what is not shown yet is chosen again, among the same candidates."""
        last = self.store.last_round()
        if last is None or not last.queued or not self._dial_moved(last):
            return False
        stage = self.store.stage(last.number)
        moved = self.store.change_round(last.number, ratio=self.plan.ratio_of_round, size=self.plan.batch)
        if stage is not None:
            self.dial.stage(moved, self.plan, stage.candidates)
        self._queue(moved, replacing=True)
        return True

    def _refine(self) -> bool:
        """The last batch was chosen in a hurry: the rest of it is chosen again, from all candidates."""
        last = self.store.last_round()
        if last is None or last.staged or not last.queued or self._hurry():
            return False
        if not isinstance(strategy_of(last, self.plan), Staged):
            return False
        view = self.chooser.view(last, self.plan, replacing=True)
        if not view.size or not self.chooser.prepared(last, self.plan, view):
            return False
        self._queue(last, replacing=True)
        return True

    def _fill(self) -> bool:
        """Less than a batch is queued: the next round is opened (or the one half opened is finished)."""
        if self.store.ready(fresh=True) >= self.plan.batch or (not self.plan.ahead and self._before_the_next()):
            return False
        if self._nothing_left():
            return self._note_exhausted(True)
        last = self.store.last_round()
        if last is None or last.queued:
            last = self._open(0 if last is None else last.number + 1)
        return self._note_exhausted(not self._queue(last, replacing=False)) or not self.exhausted

    def _judge(self) -> bool:
        """Nothing else is to do: the model in charge is asked about the random sample, and the report is written."""
        # Somebody so fast that a fit is always under way still wants to know, now and then.
        if self.fitter.busy and not self.judge.overdue:
            return False
        return self.judge.step(self.plan, unless=self._something_else)

    def _prepare_dial(self) -> bool:
        """Nothing else is to do: what the batch would be at other ratios is prepared."""
        last = self.store.last_round()
        if last is None or not last.staged:
            return False
        return self.dial.step(last, self.plan, hurried=self.fitter.busy, unless=self._something_else)

    def _draw_map(self) -> bool:
        """Nothing else is to do: the map is drawn, and what is asked on it answered."""
        return self.mapper is not None and self.mapper.step(
            self.store.last_round(), self.plan, busy=self.fitter.busy or self._hurry()
        )

    # What that depends on

    def _something_urgent(self) -> bool:
        self.plan = self._planned()
        self.fitter.step(self.plan)
        return self._hurry() or self.fitter.finished

    def _more_urgent_than_embedding(self) -> bool:
        return self._something_urgent() or self._map_waited_for()

    def _something_else(self) -> bool:
        busy = self.fitter.busy
        if self._something_urgent() or self.fitter.busy != busy or self._short_of(self.plan.batch):
            return True
        last = self.store.last_round()
        return last is not None and self._dial_moved(last)

    def _map_waited_for(self) -> bool:
        return self.mapper is not None and self.mapper.waited_for(self.store.last_round(), self.plan)

    def _hurry(self) -> bool:
        """Whether people might reach the end of the queue before all candidates are embedded."""
        return self._short_of(self.plan.batch // 2)

    def _before_the_next(self) -> bool:
        """Whether a plan that does not work ahead must wait: for labels of this batch, or for what they teach."""
        return bool(len(self.store.queued_rows())) or self.fitter.busy or self.fitter.step(self.plan)

    def _short_of(self, n: int) -> bool:
        return self.plan.ahead and self.store.ready(fresh=True) < n and not self.exhausted

    def _dial_moved(self, last: Round) -> bool:
        return last.size != self.plan.batch or (self.plan.has_dial and last.ratio != self.plan.ratio_of_round)

    def _nothing_left(self) -> bool:
        """Whether there is nothing to ask; once so, it is looked again when something has changed."""
        now = (self.store.journal_position(), len(self.project.corpus), self.plan.audited)
        if self._nothing_at != now and self.chooser.nothing_left(self.plan):
            self._nothing_at = now
        return self._nothing_at == now

    @property
    def exhausted(self) -> bool:
        """Whether there was nothing left to ask when it was last looked."""
        return bool(self.store.get("exhausted", False))

    def _note_exhausted(self, exhausted: bool) -> bool:
        """Lets the page tell "all done" from "preparing"; whether that is news."""
        if self.exhausted == exhausted:
            return False
        self.store.set("exhausted", exhausted)
        return True

    # Rounds

    def _open(self, number: int) -> Round:
        plan = self.plan
        return self.store.open_round(
            number,
            strategy=plan.strategy,
            parameters=dict(plan.parameters),
            seed=plan.seed,
            mode=plan.mode,
            size=plan.batch,
            ratio=plan.ratio_of_round,
        )

    def _queue(self, current: Round, *, replacing: bool) -> int:
        """Chooses the batch of a round with what is known now; gives how many items were queued beside those shown.

        Raises:
            Exception: the batch could not be chosen. When the queue was about to run dry, texts at random were queued
                all the same; they are replaced when what is wrong has been mended.
        """
        started = time.perf_counter()
        try:
            items = self.chooser.batch(current, self.plan, replacing=replacing)
        except Exception:
            if not replacing and self._hurry():
                self._put(current, self.chooser.anything(current, self.plan), replacing=False)
            raise
        queued = self._put(current, items, replacing=replacing)
        self.store.time_round(current.number, "select_seconds", time.perf_counter() - started)
        self._say("waiting")
        return queued

    def _put(self, current: Round, items: list[NewItem], *, replacing: bool) -> int:
        items = [replace(item, overlap=self.plan.annotators_of(item.row)) for item in items]
        return self.store.enqueue(current.number, items, replace=replacing, limit=self.plan.batch)

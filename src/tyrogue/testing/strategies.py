"""The contract of a strategy, as plain functions: for the strategies here and for your own.

    @pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
    def test_contract(check):
        check(MyStrategy())

Each check raises AssertionError with what was seen.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tyrogue.errors import NonFinite, NotFitted
from tyrogue.protocols import Strategy
from tyrogue.testing.views import HOSTILE, WatchedView, given, hostile
from tyrogue.types import Selection

Check = Callable[[Strategy], None]

FINITE = [name for name in HOSTILE if name != "not finite"]


def check_strategy(strategy: Strategy) -> None:
    """Raises AssertionError at the first point of the contract that the strategy breaks."""
    for check in CHECKS.values():
        check(strategy)


def check_answers(strategy: Strategy) -> None:
    """On every hostile view and for n of one, some and all: n distinct open rows, best first, facts aligned."""
    for fitted in _starts(strategy):
        for name in FINITE:
            size = hostile(name, fitted=fitted).size
            for n in sorted({1, min(7, size), size}):
                view = hostile(name, fitted=fitted)
                where = f"{_spell(strategy)} on {name!r}, {'warm' if fitted else 'cold'}, n={n}"
                _check_selection(_ask(strategy, view, n), view, n, where)


def check_repeats(strategy: Strategy) -> None:
    """The same seed gives the same rows and scores."""
    for fitted in _starts(strategy):
        first, again = (_ask(strategy, hostile("spread", fitted=fitted), 7) for _ in range(2))
        _require(
            first.rows.tolist() == again.rows.tolist() and np.array_equal(first.score, again.score),
            f"{_spell(strategy)} gave {first.rows.tolist()} and then, with the same seed, {again.rows.tolist()}.",
        )


def check_other_process(strategy: Strategy) -> None:
    """The same seed gives the same rows in another process."""
    check_other_process_of([strategy])


def check_other_process_of(strategies: Sequence[Strategy]) -> None:
    """Checks many strategies in one other process."""
    here = [_answers(strategy) for strategy in strategies]
    code = "import sys; sys.path[:] = __import__('json').loads(sys.argv[1]); "
    code += "from tyrogue.testing import strategies; strategies._answer_from_stdin()"
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(sys.path)],
        input=pickle.dumps(list(strategies)),
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        check=False,
    )
    _require(not done.returncode, f"In another process the strategies failed: {done.stderr.decode()[-2000:]}")
    for strategy, mine, theirs in zip(strategies, here, json.loads(done.stdout), strict=True):
        _require(mine == theirs, f"{_spell(strategy)} gave {mine} here and {theirs} in another process.")


def check_global_generators(strategy: Strategy) -> None:
    """The global generators of Python, NumPy and torch are not touched: randomness is an argument."""
    for fitted in _starts(strategy):
        before = _global_generators()
        _ask(strategy, hostile("spread", fitted=fitted), 7)
        changed = [name for name, state in _global_generators().items() if state != before[name]]
        _require(not changed, f"{_spell(strategy)} used the global generator of {', '.join(changed)}: draw from `rng`.")


def check_stateless(strategy: Strategy) -> None:
    """A second round is answered as a fresh copy would."""
    for fitted in _starts(strategy):
        used, fresh = pickle.loads(pickle.dumps(strategy)), pickle.loads(pickle.dumps(strategy))
        _ask(used, hostile("identical", fitted=fitted), 5)
        second, first = (_ask(one, hostile("spread", fitted=fitted), 7).rows.tolist() for one in (used, fresh))
        _require(second == first, f"{_spell(strategy)} gave {second} in its second round, a fresh copy {first}.")


def check_cold_start(strategy: Strategy) -> None:
    """Without a fitted model it works and asks for no prediction, or, if it declares so, NotFitted comes out."""
    for name in FINITE:
        view = hostile(name, fitted=False)
        try:
            _ask(strategy, view, min(5, view.size))
        except NotFitted:
            _require(not strategy.cold_start, f"{_spell(strategy)} declares cold_start but asked for predictions.")
            continue
        _require(strategy.cold_start, f"{_spell(strategy)} declares no cold_start but answered without a model.")
        _require(not view.unfitted, f"{_spell(strategy)} asked a model without labels and hid its NotFitted.")


def check_refuses_nan(strategy: Strategy) -> None:
    """What a diverged model says is not used: NonFinite comes out as soon as it is asked."""
    view = hostile("not finite", fitted=True)
    try:
        _ask(strategy, view, 5)
    except NonFinite:
        return
    _require(not view.refused, f"{_spell(strategy)} hid NonFinite and answered from NaN.")


def check_declared_cost(strategy: Strategy) -> None:
    """A strategy that does not declare whole_pool touches only rows that it drew or that are labeled."""
    if strategy.whole_pool:
        return
    rng = np.random.default_rng(3)
    vectors = np.asarray(rng.normal(size=(25_000, 4)), np.float32)
    for fitted in _starts(strategy):
        view = given(
            vectors,
            np.eye(4, 3, dtype=np.float32),
            labels={row: row % 3 for row in range(0, 200, 20)} if fitted else None,
            fitted=fitted,
            round=int(fitted),
        )
        _ask(strategy, view, 5)
        known = view.drawn | set(view.labeled.tolist()) | set(view.reference.tolist())
        _require(not view.swept, f"{_spell(strategy)} went through the whole pool; declare whole_pool.")
        _require(len(view.drawn) < view.size, f"{_spell(strategy)} drew all {view.size} rows; declare whole_pool.")
        _require(view.touched <= known, f"{_spell(strategy)} looked at rows that it had not drawn.")


def check_value(strategy: Strategy) -> None:
    """It is a value: frozen, hashable, picklable, and its repr builds it again."""
    _require(dataclasses.is_dataclass(strategy), f"{_spell(strategy)} is no dataclass.")
    params = getattr(type(strategy), "__dataclass_params__", None)
    _require(bool(params and params.frozen), f"{_spell(strategy)} can be changed: use @dataclass(frozen=True).")
    _require(hash(strategy) == hash(pickle.loads(pickle.dumps(strategy))), f"{_spell(strategy)} hashes differently.")
    _require(pickle.loads(pickle.dumps(strategy)) == strategy, f"{_spell(strategy)} changes when pickled.")
    _require(
        eval(repr(strategy), {type(strategy).__name__: type(strategy)}) == strategy,
        f"{strategy!r} does not build an equal strategy.",
    )
    for flag in ("cold_start", "whole_pool"):
        _require(isinstance(getattr(strategy, flag, None), bool), f"{_spell(strategy)} does not declare {flag}.")


CHECKS: dict[str, Check] = {
    "value": check_value,
    "answers": check_answers,
    "repeats": check_repeats,
    "other process": check_other_process,
    "global generators": check_global_generators,
    "stateless": check_stateless,
    "cold start": check_cold_start,
    "refuses NaN": check_refuses_nan,
    "declared cost": check_declared_cost,
}
"""The contract, by name."""


def _check_selection(selection: Selection, view: WatchedView, n: int, where: str) -> None:
    rows, score = selection.rows, selection.score
    _require(rows.dtype == np.int64 and rows.ndim == 1, f"{where}: rows are {rows.dtype} of shape {rows.shape}.")
    _require(len(rows) >= n, f"{where}: {len(rows)} rows came back.")
    _require(len(np.unique(rows)) == len(rows), f"{where}: a row came back twice.")
    _require(view.pool.is_open(rows), f"{where}: a row is labeled, closed or outside the pool.")
    _require(len(score) == len(rows) and bool(np.isfinite(score).all()), f"{where}: scores {score}.")
    _require(bool((np.diff(score) <= 0).all()), f"{where}: the best is not first: {score}.")
    for name, fact in selection.facts.items():
        _require(len(fact) == len(rows), f"{where}: {len(fact)} of fact {name!r} for {len(rows)} rows.")
    _require("step" in selection.facts, f"{where}: the fact `step` does not say what chose each row.")


def _ask(strategy: Strategy, view: WatchedView, n: int, seed: int = 11) -> Selection:
    """Asks with warnings and numeric errors raised, and sees that the pool is as it was."""
    before = (view.pool.labeled.tolist(), view.pool.labels.tolist(), view.pool.closed.tolist())
    with warnings.catch_warnings(), np.errstate(divide="raise", invalid="raise", over="raise"):
        warnings.simplefilter("error")
        selection = strategy.query(view, n, np.random.default_rng(seed))
    after = (view.pool.labeled.tolist(), view.pool.labels.tolist(), view.pool.closed.tolist())
    _require(before == after, f"{_spell(strategy)} changed the pool.")
    return selection


def _starts(strategy: Strategy) -> Iterable[bool]:
    return (True, False) if strategy.cold_start else (True,)


def _answers(strategy: Strategy) -> list[list[int]]:
    return [_ask(strategy, hostile("spread", fitted=fitted), 7).rows.tolist() for fitted in _starts(strategy)]


def _answer_from_stdin() -> None:
    strategies = pickle.load(sys.stdin.buffer)
    sys.stdout.write(json.dumps([_answers(strategy) for strategy in strategies]))


def _global_generators() -> dict[str, Any]:
    states: dict[str, Any] = {"random": random.getstate(), "numpy.random": pickle.dumps(np.random.get_state())}  # noqa: NPY002
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states


def _spell(strategy: object) -> str:
    return type(strategy).__name__


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(message)

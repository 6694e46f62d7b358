from __future__ import annotations

import json
import multiprocessing as mp
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tyrogue.errors import BadInput
from tyrogue.experiments import results
from tyrogue.experiments.simulate import Round, simulate
from tyrogue.strategies import Tyrogue

if TYPE_CHECKING:
    from tests.experiments.conftest import Toy

CONFIG = {"format": 1, "kind": "curve", "seed": 0}


@pytest.fixture
def rounds(toy: Toy) -> tuple[Round, ...]:
    return simulate(toy.task, Tyrogue(candidates=60), toy.model, toy.embedder, batch=20, budget=60).rounds


def write(path: Path, rounds: tuple[Round, ...], done: bool = True) -> bytes:
    with results.writing(path) as file:
        file.append(CONFIG)
        for round in rounds:
            file.append(round.line())
        if done:
            file.append({"done": True, "seconds": 1.5})
    return path.read_bytes()


def test_a_file_gives_back_what_was_written(tmp_path: Path, rounds: tuple[Round, ...]) -> None:
    write(tmp_path / "a.jsonl", rounds)
    record = results.read(tmp_path / "a.jsonl")
    assert record is not None
    assert record.config == CONFIG
    assert [r.rows for r in record.rounds] == [r.rows for r in rounds]
    assert [r.line() for r in record.rounds] == [r.line() for r in rounds]
    assert record.done == {"done": True, "seconds": 1.5}
    assert record.curve()[0] == [20, 40, 60]


def test_cut_at_any_byte_it_goes_on_with_the_whole_lines(tmp_path: Path, rounds: tuple[Round, ...]) -> None:
    """As after a kill in the middle of a write: whatever is torn is dropped, nothing whole is lost."""
    whole = write(tmp_path / "a.jsonl", rounds)
    starts = [0, *[i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]]
    cuts = sorted({start + offset for start in starts for offset in (0, 1, 30)} | set(range(0, len(whole), 97)))
    for cut in [cut for cut in cuts if cut <= len(whole)]:
        torn = tmp_path / "torn.jsonl"
        torn.write_bytes(whole[:cut])
        kept = whole[:cut].count(b"\n")
        with results.writing(torn) as file:
            assert (file.record is None) == (kept == 0)
            assert len(file.record.rounds if file.record else ()) == max(0, min(kept - 1, len(rounds)))
            for line in whole.splitlines()[kept:]:
                file.append(json.loads(line))
        assert torn.read_bytes() == whole


def hold(path: Path, held: Any, leave: Any) -> None:
    with results.writing(path):
        held.set()
        leave.wait(20)


def test_two_processes_never_write_one_run(tmp_path: Path, rounds: tuple[Round, ...]) -> None:
    path = tmp_path / "a.jsonl"
    context = mp.get_context("fork")
    held, leave = context.Event(), context.Event()
    other = context.Process(target=hold, args=(path, held, leave))
    other.start()
    try:
        assert held.wait(20)
        with pytest.raises(results.Busy), results.writing(path):
            pass
    finally:
        leave.set()
        other.join()
    write(path, rounds)


def test_damage_and_newer_files_are_told_with_file_and_line(tmp_path: Path, rounds: tuple[Round, ...]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(json.dumps(CONFIG).encode() + b"\n{broken}\n")
    with pytest.raises(BadInput, match=r"a\.jsonl, line 2.*Delete the file"):
        results.read(path)
    path.write_bytes(json.dumps({**CONFIG, "format": 99}).encode() + b"\n")
    with pytest.raises(BadInput, match="newer version"):
        results.read(path)
    path.write_bytes(json.dumps(CONFIG).encode() + b'\n{"round":0,"rows":[1]}\n')
    with pytest.raises(BadInput, match="no round"):
        results.read(path)
    with pytest.raises(BadInput, match="not a folder"):
        results.read_all(tmp_path / "nowhere")


def test_notes_between_rounds_are_kept_out_of_the_curve(tmp_path: Path, rounds: tuple[Round, ...]) -> None:
    path = tmp_path / "a.jsonl"
    write(path, rounds[:1], done=False)
    with results.writing(path) as file:
        file.append({"resumed": {"machine": "another"}})
        file.append(rounds[1].line())
    record = results.read(path)
    assert record is not None
    assert len(record.rounds) == 2
    assert record.done is None

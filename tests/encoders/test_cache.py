"""The embedding cache under crashes, growth, several processes and a short clock."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tyrogue.encoders.cache import CachedEncoder
from tyrogue.encoders.vectors import VectorFile, VectorMemory, checksums, halves
from tyrogue.errors import ProjectError, UsageError
from tyrogue.pool import Inputs
from tyrogue.types import Floats, Rows, Text

D = 6


class Arithmetic:
    """Encodes the text "17" as multiples of 17: right and wrong rows are told apart at a glance."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.fingerprint, self.asked, self.seconds = "arithmetic", list[Text](), seconds

    def encode(self, texts: Sequence[Text]) -> Floats:
        self.asked.extend(texts)
        time.sleep(self.seconds * len(texts))
        numbers = np.array([float("".join(text)) for text in texts], np.float32)
        width = 2 * D if texts and isinstance(texts[0], tuple) else D
        return np.asarray(np.outer(numbers, np.arange(1, width + 1)) / 64, np.float32)


def inputs(rows: Sequence[int] | Rows) -> Inputs:
    rows = np.asarray(rows, np.int64)
    return Inputs(lambda: [str(row) for row in rows.tolist()], rows=rows)


def expected(rows: Sequence[int] | Rows) -> Floats:
    return np.asarray(halves(Arithmetic().encode([str(int(r)) for r in rows])), np.float32)


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "embeddings" if request.param == "disk" else None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 300), max_size=12), min_size=1, max_size=8), st.booleans())
def test_any_sequence_of_calls(calls: list[list[int]], on_disk: bool) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        encoder = Arithmetic()
        cache = CachedEncoder(encoder, Path(name) if on_disk else None, 10, pairs=False)
        for rows in calls:
            assert_array_equal(cache.embed(inputs(rows)), expected(rows))
        wanted = sorted({row for rows in calls for row in rows})
        # The first text is also encoded once to learn the dimension.
        assert len(encoder.asked) <= len(wanted) + 1
        assert cache.filled(np.array(wanted, np.int64)).all()
        assert not cache.filled(np.array([301, 302], np.int64)).any()


def test_nothing_is_known_at_first(folder: Path | None) -> None:
    cache = CachedEncoder(Arithmetic(), folder, 100)
    assert cache.filled(np.arange(100)).tolist() == [False] * 100
    assert cache.embed(inputs([])).shape[0] == 0


def test_grows_with_the_corpus(tmp_path: Path) -> None:
    first = CachedEncoder(Arithmetic(), tmp_path, 3)
    first.embed(inputs([0, 2]))
    second = CachedEncoder(Arithmetic(), tmp_path, 2_000)
    second.embed(inputs([1_999, 5]))
    # The first one, opened on a shorter file, sees the rows of the second.
    assert first.filled(np.array([2, 1_999, 5, 6])).tolist() == [True, True, True, False]
    assert_array_equal(first.embed(inputs([1_999, 0])), expected([1_999, 0]))
    assert first.encoder.asked.count("1999") == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("cut", ["vectors.f16", "marks.u32"])
@pytest.mark.parametrize("left", [0, 1, 7, 33])
def test_short_files_are_rebuilt(cut: str, left: int, tmp_path: Path) -> None:
    CachedEncoder(Arithmetic(), tmp_path).embed(inputs(range(10)))
    path = tmp_path / "arithmetic" / cut
    path.write_bytes(path.read_bytes()[:left])
    cache = CachedEncoder(Arithmetic(), tmp_path)
    assert_array_equal(cache.embed(inputs(range(10))), expected(range(10)))
    assert cache.encoder.asked  # type: ignore[attr-defined]
    assert VectorFile(tmp_path / "arithmetic", D).read(np.arange(10))[1].all()


@pytest.mark.parametrize("missing", ["vectors.f16", "marks.u32", "meta.json"])
def test_missing_files_are_rebuilt(missing: str, tmp_path: Path) -> None:
    CachedEncoder(Arithmetic(), tmp_path).embed(inputs(range(10)))
    (tmp_path / "arithmetic" / missing).unlink()
    assert_array_equal(CachedEncoder(Arithmetic(), tmp_path).embed(inputs(range(10))), expected(range(10)))


def test_a_torn_vector_is_found(tmp_path: Path) -> None:
    """What a power cut leaves: marks on disk, some vectors still zeros or half old."""
    CachedEncoder(Arithmetic(), tmp_path).embed(inputs(range(10)))
    with (tmp_path / "arithmetic" / "vectors.f16").open("r+b") as file:
        file.seek(4 * 2 * D)
        file.write(bytes(2 * D))  # row 4 never reached the disk
        file.seek(7 * 2 * D + 4)
        file.write(b"\x00\x01")  # row 7 only in part
    cache = CachedEncoder(Arithmetic(), tmp_path)
    assert np.flatnonzero(~cache.filled(np.arange(10))).tolist() == [4, 7]
    assert_array_equal(cache.embed(inputs(range(10))), expected(range(10)))
    assert sorted(cache.encoder.asked) == ["4", "7"]  # type: ignore[attr-defined]


def test_unreadable_meta_starts_anew(tmp_path: Path) -> None:
    CachedEncoder(Arithmetic(), tmp_path).embed(inputs([1]))
    for content in ("", "{", "[]", '{"layout": 99, "dimension": 6}', '{"layout": 1}'):
        (tmp_path / "arithmetic" / "meta.json").write_text(content)
        cache = CachedEncoder(Arithmetic(), tmp_path)
        assert_array_equal(cache.embed(inputs([1, 3])), expected([1, 3]))


def test_pairs_have_a_file_of_their_own(tmp_path: Path) -> None:
    single, paired = CachedEncoder(Arithmetic(), tmp_path), CachedEncoder(Arithmetic(), tmp_path, pairs=True)
    single.embed(inputs([1]))
    pairs = Inputs(lambda: [("1", "2")], rows=np.array([1]))
    assert paired.embed(pairs).shape == (1, 2 * D)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["arithmetic", "arithmetic-pairs"]
    (tmp_path / "arithmetic" / "meta.json").unlink()
    assert CachedEncoder(Arithmetic(), tmp_path).embed(Inputs(list, rows=np.array([1]))).shape == (1, 2 * D)


def test_full_disk_is_said_clearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = CachedEncoder(Arithmetic(), tmp_path)
    cache.embed(inputs([1]))
    for name in ("vectors.f16", "marks.u32"):
        path = tmp_path / "arithmetic" / name
        path.unlink()
        path.symlink_to("/dev/full")
    with pytest.raises(ProjectError, match="Free some disk space"):
        cache.embed(inputs([900]))


def test_within_a_time(folder: Path | None) -> None:
    cache = CachedEncoder(Arithmetic(seconds=0.002), folder, 5_000)
    rows = np.random.default_rng(0).permutation(5_000).astype(np.int64)
    filled = cache.embed_within(inputs(rows), 0.4)
    count = int(filled.sum())
    assert 32 <= count < 5_000
    assert filled[:count].all()  # in the order given
    assert_array_equal(cache.filled(rows), filled)
    more = cache.embed_within(inputs(rows), 0.0)
    assert count < int(more.sum()) < 5_000
    assert cache.embed_within(inputs(rows[:10]), 0.0).all()


def test_within_needs_rows(folder: Path | None) -> None:
    with pytest.raises(UsageError, match="rows"):
        CachedEncoder(Arithmetic(), folder).embed_within(Inputs(["1"]), 1.0)


def test_progress_reaches_the_end(folder: Path | None) -> None:
    seen: list[tuple[int, int]] = []
    cache = CachedEncoder(Arithmetic(), folder, progress=lambda done, of: seen.append((done, of)))
    cache.embed(inputs(range(2_500)))
    assert seen[-1] == (2_500, 2_500)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def _fill(folder: Path, rows: list[int]) -> None:
    for start in range(0, len(rows), 7):
        CachedEncoder(Arithmetic(), folder).embed(inputs(rows[start : start + 7]))


def test_processes_share_a_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    orders = [np.random.default_rng(seed).permutation(120).tolist() for seed in range(3)]
    workers = [context.Process(target=_fill, args=(tmp_path, rows)) for rows in orders]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    cache = CachedEncoder(Arithmetic(), tmp_path)
    assert_array_equal(cache.embed(inputs(range(120))), expected(range(120)))
    assert not cache.encoder.asked  # type: ignore[attr-defined]


def test_checksums_see_every_bit_and_are_never_zero() -> None:
    rng = np.random.default_rng(0)
    vectors = halves(rng.normal(size=(50, 384)).astype(np.float32))
    sums = checksums(vectors)
    for _ in range(200):
        row, byte, bit = rng.integers(50), rng.integers(768), rng.integers(8)
        flipped = vectors.copy()
        flipped[row].view(np.uint8)[byte] ^= np.uint8(1 << bit)
        assert checksums(flipped)[row] != sums[row]
    assert (sums != 0).all()
    assert (checksums(np.zeros((1, 384), np.float16)) != 0).all()


def test_large_values_stay_finite() -> None:
    memory = VectorMemory(2)
    memory.write(np.array([0]), np.array([[1e9, -1e9]], np.float32))
    assert np.isfinite(memory.read(np.array([0]))[0]).all()

"""Rounds, models, settings, people, projects; and databases that are none."""

from __future__ import annotations

import socket
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest

from tyrogue.errors import Conflict, ProjectError, UsageError
from tyrogue.store import NewItem, Store
from tyrogue.testing.stores import Clock


def _round(store: Store, number: int = 0, seed: int = 0) -> None:
    store.open_round(number, strategy="tyrogue", parameters={"ratio": 3}, seed=seed, mode="cached", size=50, ratio=3)


def test_a_round_is_opened_once(store: Store, clock: Clock) -> None:
    assert (store.last_round(), store.rounds()) == (None, [])
    _round(store, 0, seed=7)
    opened = store.round(0)
    clock.advance(60)
    _round(store, 0, seed=8)
    assert store.round(0) == opened
    assert (opened.seed, opened.ratio, opened.parameters, opened.staged) == (7, 3, {"ratio": 3}, False)
    assert opened.opened.tzinfo is UTC
    _round(store, 1)
    store.time_round(0, "draw", 0.5)
    store.time_round(0, "cluster", 1.5)
    store.enqueue(1, [NewItem(0, model_version="m2")])
    assert [(r.number, r.timings, r.ranked_with) for r in store.rounds()] == [
        (0, {"draw": 0.5, "cluster": 1.5}, None),
        (1, {}, "m2"),
    ]
    last = store.last_round()
    assert last is not None
    assert last.number == 1
    with pytest.raises(Conflict, match="Round 5 was not opened"):
        store.time_round(5, "draw", 1)


def test_a_stage_comes_back_exactly(store: Store) -> None:
    _round(store)
    facts = {
        "step": np.array(["diverse", "", "naïve 👍"]),
        "size": np.array([1, 2, 3], np.int32),
        "far": np.array([[0.5, np.inf], [np.nan, 0], [1, 2]], np.float16),
        "flag": np.array([True, False, True]),
    }
    assert store.stage(0) is None
    store.save_stage(0, np.arange(10_000), np.array([5, 3, 9]), facts)
    store.save_stage(0, np.arange(9), np.array([5, 3, 9]), facts)
    stage = store.stage(0)
    assert stage is not None
    assert (stage.candidates.tolist(), stage.rows.tolist()) == (list(range(9)), [5, 3, 9])
    assert stage.rows.dtype == np.int64
    assert stage.facts.keys() == facts.keys()
    for name, fact in facts.items():
        np.testing.assert_array_equal(stage.facts[name], fact, strict=True)
        assert not stage.facts[name].flags.writeable
    assert store.round(0).staged


def test_an_empty_stage_is_one_too(store: Store) -> None:
    _round(store)
    store.save_stage(0, np.array([], np.int64), np.array([], np.int64), {"step": np.array([], np.str_)})
    stage = store.stage(0)
    assert stage is not None
    assert (len(stage.rows), stage.facts["step"].dtype.kind) == (0, "U")


def test_a_stage_holds_no_objects_and_no_ragged_facts(store: Store) -> None:
    _round(store)
    with pytest.raises(UsageError, match="arrays of numbers"):
        store.save_stage(0, np.arange(1), np.arange(1), {"bad": np.array([{"a": 1}], object)})
    with pytest.raises(UsageError, match="'size' tells of 2 rows, and the stage has 1"):
        store.save_stage(0, np.arange(1), np.arange(1), {"size": np.arange(2)})
    with pytest.raises(Conflict, match="Round 9 was not opened"):
        store.save_stage(9, np.arange(1), np.arange(1), {})
    assert store.stage(0) is None


def test_models(store: Store, clock: Clock) -> None:
    assert (store.current_model(), store.models()) == (None, [])
    for version in ("m1", "m2", "m1"):
        store.add_model(
            version,
            kind="linear",
            path=f"models/{version}",
            round=1,
            labels=50,
            train_seconds=1.5,
            journal_position=60,
            class_ids=np.array([0, 2]).tolist(),
            metrics={"macro_f1": np.float32(0.5), "loss": float("nan")},
        )
    assert [model.version for model in store.models()] == ["m1", "m2"]
    model = store.current_model()
    assert model is not None
    assert (model.version, model.class_ids, model.metrics) == ("m2", (0, 2), {"macro_f1": 0.5, "loss": None})
    clock.advance(12)
    assert model.age(clock.now) == 12
    with pytest.raises(Conflict, match="is stored in models/m1"):
        store.add_model(
            "m1",
            kind="linear",
            path="elsewhere",
            round=1,
            labels=50,
            train_seconds=1.5,
            journal_position=60,
            class_ids=[0],
            metrics={},
        )


def test_settings_and_heartbeats(store: Store, clock: Clock) -> None:
    assert (store.get("ratio"), store.get("ratio", 3), store.settings()) == (None, 3, {})
    for value in (3, None, False, {"a": [1, "ü"]}, "text"):
        store.set("ratio", value)
        assert store.get("ratio", "default") == value
    assert store.settings() == {"ratio": "text"}
    assert store.status("trainer") is None
    store.report("trainer", {"phase": "training", "progress": np.float32(0.5), "error": None})
    clock.advance(4)
    assert store.status("trainer") == ({"phase": "training", "progress": 0.5, "error": None}, 4)
    store.report("trainer", {"phase": "waiting"})
    assert store.status("trainer") == ({"phase": "waiting"}, 0)


def test_people(store: Store) -> None:
    ann = store.annotator(" ann ")
    assert (ann.name, ann.role) == ("ann", "annotator")
    assert store.annotator("ann", role="owner") == ann
    assert store.set_role("ann", "reviewer").role == "reviewer"
    assert [(one.name, one.role) for one in store.annotators()] == [("ann", "reviewer")]
    with pytest.raises(UsageError, match="'boss' is not a role"):
        store.annotator("ben", role="boss")


def test_projects_in_one_database_do_not_see_one_another(url: str) -> None:
    with Store.open(url, "one of two") as one, Store.open(url, "two of two") as two:
        for store, names in ((one, "ab"), (two, "cd")):
            for name in names:
                store.add_class(name)
            _round(store)
            store.enqueue(0, [NewItem(row) for row in range(3)])
            store.set("guidelines", names)
        item = one.reserve("ann", 1)[0]
        one.annotate(token="t", item=item.id, annotator="ann", action="label", class_id=1)
        assert ([c.name for c in two.classes()], two.get("guidelines")) == (["c", "d"], "cd")
        assert (two.labels()[0].tolist(), two.annotations(), two.journal_position()) == ([], [], 2)
        assert (two.ready(), two.undo(token="u", annotator="ann"), two.pace()) == (3, None, None)
        assert [i.row for i in two.reserve("ann", 9)] == [0, 1, 2]
        with pytest.raises(UsageError, match="in this project"):
            two.item(item.id)
        with pytest.raises(UsageError, match="in this project"):
            two.annotate(token="t", item=item.id, annotator="ann", action="label", class_id=1)
        assert one.rebuild() == two.rebuild() == 0


@pytest.mark.parametrize("url", ["mysql://root@localhost/x", "nonsense", "", "sqlite://", "sqlite:///:memory:"])
def test_urls_of_nothing_of_ours(url: str) -> None:
    with pytest.raises(UsageError, match=r"sqlite:///path/to/project\.db"):
        Store.open(url)


def test_databases_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"folder .*nowhere does not exist"):
        Store.open(f"sqlite:///{tmp_path}/nowhere/project.db")
    (tmp_path / "text.db").write_text("This is no database. " * 100)
    with pytest.raises(ProjectError, match="not a database of tyrogue"):
        Store.open(f"sqlite:///{tmp_path}/text.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(ProjectError, match="cannot be opened"):
        Store.open(f"sqlite:///{tmp_path}/folder.db")


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(ProjectError, match="Check that it runs") as error:
            Store.open(f"postgres://ann:secret@127.0.0.1:{port}/labels")
    assert "secret" not in str(error.value)
    assert f"ann:***@127.0.0.1:{port}/labels" in str(error.value)


def test_sqlite_is_as_durable_as_it_can_be(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/project.db") as store, store._read() as tx:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        values = [tx.connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() for pragma in pragmas]
    assert values == ["wal", 2, 1, 30_000]

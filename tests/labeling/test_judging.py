"""The judge in whole sessions: who is judged by what, promotion there and back, suspects, the report's figures."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import Session, gold_of, session, text_of, wait_for, without_delay

from tyrogue import stopping
from tyrogue.labeling.judging import told
from tyrogue.labeling.known import TRAINED_ON
from tyrogue.labeling.promotion import promote
from tyrogue.labeling.report import CROSS_FITTED_KEY
from tyrogue.labeling.suspects import rank, suspects
from tyrogue.pool import Inputs
from tyrogue.types import Labels, Rows

Json = dict[str, Any]


@pytest.fixture
def s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    without_delay(monkeypatch)
    monkeypatch.setattr("tyrogue.labeling.dial.RATIOS", (1, 3))
    with session(tmp_path, 400, audit=0.4) as made:
        yield made


def report(s: Session) -> Json:
    s.settle()
    return told(s.engine, "me")


def label(s: Session, n: int) -> None:
    for start in range(0, n, 10):
        s.label(min(10, n - start), settle=False)
        s.settle()


def checks(s: Session) -> tuple[Rows, Labels]:
    rows, ids = s.store.labels(kinds=("reference",))
    return rows, ids


def test_the_accuracy_is_that_of_the_model_on_checks_it_never_saw(s: Session) -> None:
    label(s, 40)
    found = report(s)
    rows, ids = checks(s)
    model, ours = s.pipeline.fitter.model, s.pipeline.fitter.class_ids
    assert model is not None
    logits = model.infer(Inputs([text_of(row) for row in rows.tolist()], embed=s.pipeline.encoder.embed)).logits
    correct = int((np.array(ours)[logits.argmax(1)] == ids).sum())
    assert found["model"] == s.pipeline.fitter.version
    assert (found["audit"]["n"], found["audit"]["correct"]) == (len(rows), correct)
    assert found["audit"]["source"] == "independent"
    assert found["labels"] == len(s.store.labels(kinds=TRAINED_ON)[0])
    assert not set(rows.tolist()) & set(s.store.labels(kinds=TRAINED_ON)[0].tolist())


def test_a_new_check_counts_at_once_for_the_model_that_is_there(s: Session) -> None:
    label(s, 30)
    before = report(s)
    while checks(s)[0].size == before["audit"]["n"]:
        s.label(1)
    after = report(s)
    assert after["audit"]["n"] == before["audit"]["n"] + 1


def test_promotion_trains_on_the_checks_cross_fits_and_can_be_taken_back(s: Session) -> None:
    label(s, 40)
    independent, (rows, ids) = report(s), checks(s)
    promote(s.store, True, annotator="me", audit=independent["audit"])
    s.settle()
    taught = s.pipeline.fitter.record
    assert taught is not None
    assert taught.labels == len(s.store.labels()[0]), "the checks are learned too"
    assert "audit" not in taught.metrics
    wait_for(
        lambda: s.pipeline.step() or (s.store.get(CROSS_FITTED_KEY) or {}).get("version") == taught.version, "fits"
    )
    crossed = report(s)
    assert crossed["audit"]["source"] == "cross-fitted"
    assert crossed["audit"]["n"] == len(rows)
    assert crossed["audit"]["correct"] == cross_fitted_by_hand(s, rows, ids)
    assert crossed["promotion"]["on"]
    assert crossed["promotion"]["record"][0]["audit"]["accuracy"] == independent["audit"]["accuracy"]

    promote(s.store, False, annotator="me", audit=crossed["audit"])
    back = report(s)
    assert s.pipeline.fitter.record is not None
    assert s.pipeline.fitter.record.labels == len(s.store.labels(kinds=TRAINED_ON)[0])
    assert back["audit"]["source"] == "independent"
    assert [one["on"] for one in back["promotion"]["record"]] == [True, False]


def cross_fitted_by_hand(s: Session, rows: Rows, ids: Labels) -> int:
    """How many checks are right when each fifth of them is predicted by a model trained on everything else."""
    fitter, right = s.pipeline.fitter, 0
    everything, labels = s.store.labels()
    from tyrogue.labeling.checks import order_of

    ordered, truth = order_of(rows, 0), dict(zip(rows.tolist(), ids.tolist(), strict=True))
    for fold in range(5):
        held = [row for place, row in enumerate(ordered.tolist()) if place % 5 == fold]
        keep = ~np.isin(everything, held)
        model = fitter.make("linear", len(fitter.class_ids), s.pipeline.plan)
        model.fit(fitter.inputs(everything[keep]), labels[keep], seed=fold)
        said = model.infer(fitter.inputs(np.array(held, np.int64))).logits.argmax(1)
        right += sum(int(a == truth[row]) for row, a in zip(held, said.tolist(), strict=True))
    return right


def test_labels_that_were_given_wrong_are_suspected_first(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tyrogue.labeling.suspects.SURE", 0.2)  # a model of sixteen dimensions is sure of little
    label(s, 60)
    asked = [item for item in s.ask(10) if item["kind"] == "query"][:2]
    for item in asked:
        s.answer(item, "inside" if gold_of(item["text"]) == "outside" else "outside")
        s.settle()
    label(s, 20)
    report(s)
    found = suspects(s.store)
    wrong = {item["row"] for item in asked}
    assert found[0]["row"] in wrong
    assert not {one["row"] for one in found} & set(checks(s)[0].tolist()), (
        "correcting doubted checks alone would flatter"
    )

    row = found[0]["row"]
    s.store.review(row=row, token=uuid.uuid4().hex, annotator="me", action="label", class_id=s.store.label_of(row))
    label(s, 20)
    assert row not in {one["row"] for one in suspects(s.store)}, "who looked again is not asked again"


def test_suspicion_is_ranked_by_how_sure_the_other_class_is() -> None:
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.24, 0.76], [0.05, 0.95]], np.float32)
    found = rank(np.array([7, 3, 5, 9]), np.array([0, 0, 0, 0]), p)
    assert [(row, said) for row, said, *_ in found] == [(9, 1), (3, 1), (5, 1)]
    assert rank(np.array([7]), np.array([0]), np.array([[0.3, 0.7]], np.float32)) == [], "not sure enough"


def test_reasons_come_from_models_far_enough_apart(s: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tyrogue.labeling.report.APART", 12)
    label(s, 90)
    found = {one["name"]: one for one in report(s)["reasons"]}
    kappas = found["stable"]["kappas"]
    models = [m for m in s.store.models() if s.store.get(f"sample/{m.version}")]
    chosen = [models[-1]]
    for model in reversed(models):
        if chosen[-1].labels - model.labels >= 12:
            chosen.append(model)
    said = [s.store.get(f"sample/{m.version}")["predicted"] for m in chosen[:4]]
    by_hand = [stopping.kappa(np.array(b), np.array(a)) for a, b in pairwise(said)][::-1]
    assert kappas == pytest.approx(by_hand)
    assert found["sure"]["uncertainty"] == pytest.approx(s.store.get(f"sample/{chosen[0].version}")["uncertainty"])
    assert report(s)["gain"]["source"] == "audit"
    assert "at your pace" in report(s)["outlook"]


def test_corrected_queries_count_in_the_comparison_with_the_pool(s: Session) -> None:
    label(s, 90)
    before, (rows, ids) = report(s)["drift"], s.store.labels(kinds=("query",))
    assert before is not None
    assert before["source"] == "audit"
    for row, class_id in list(zip(rows.tolist(), ids.tolist(), strict=True))[10:]:
        s.store.review(row=row, token=uuid.uuid4().hex, annotator="me", action="label", class_id=class_id)
    assert report(s)["drift"] == before, "they were queried, whoever confirmed or corrected them"
    (first, *_), (was, *_) = rows.tolist(), ids.tolist()
    s.store.review(row=first, token=uuid.uuid4().hex, annotator="me", action="label", class_id=1 - was)
    assert report(s)["drift"]["apart"] != before["apart"], "by the class that counts now"


def test_a_merge_of_classes_is_judged_as_it_is_now(s: Session) -> None:
    label(s, 40)
    s.store.merge_class(0, 1)
    s.store.add_class("other")
    found = report(s)
    assert found["audit"]["accuracy"] == 1.0, "there is one class left to be right about"


def test_a_restart_reads_the_report_and_asks_no_model_again(s: Session) -> None:
    label(s, 30)
    before = report(s)
    s.restart()
    s.encoder.encoded.clear()
    assert report(s) == before
    assert s.encoder.encoded == []

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tyrogue.errors import UsageError
from tyrogue.experiments import replay
from tyrogue.experiments.data import Task
from tyrogue.experiments.embeddings import Precomputed
from tyrogue.protocols import Classifier, Strategy
from tyrogue.strategies import Random, Tyrogue
from tyrogue.types import Rows, Text
from tyrogue.view import Embedder

if TYPE_CHECKING:
    from tests.experiments.conftest import Toy


def session(toy: Toy, n: int) -> list[replay.LabeledText]:
    """People labeled the toy's texts in some order; rows in the project are 10 times the toy's."""
    order = np.random.default_rng(5).permutation(len(toy.task.train))[:n].tolist()
    return [(toy.task.train.texts[i], f"class {toy.task.train.labels[i]}", 10 * i) for i in order]


def replayed(toy: Toy, n: int = 120, seeds: Sequence[int] = (0, 1)) -> replay.Replay:
    row_of = {text: row for row, text in enumerate(toy.task.train.texts)}

    def embedded(texts: Sequence[Text]) -> Callable[[Rows], Embedder]:
        vectors = toy.embedder.vectors[[row_of[text] for text in texts]]
        return lambda positions: Precomputed(vectors[positions])

    def model(task: Task, _: Embedder) -> Classifier:
        return toy.model_of(task.n_classes)

    strategies: dict[str, Strategy] = {"random": Random(), "tyrogue": Tyrogue(candidates=50)}
    return replay.replay(session(toy, n), strategies, model, embedded, batch=10, seeds=seeds)


def test_the_order_of_labeling_is_an_arm_and_overlaps_itself(toy: Toy) -> None:
    found = replayed(toy)
    assert [arm.strategy for arm in found.arms] == [replay.AS_LABELED, "random", "tyrogue"]
    assert found.arms[0].overlap == 1.0
    assert 0.3 < found.arms[1].overlap < 0.7  # a random half holds about half of the first half
    assert found.labeled == 120
    assert found.arms[0].labels[0] == 10
    assert found.arms[0].labels[-1] == (120 - 36) // 2


def test_rows_are_the_projects_own(toy: Toy) -> None:
    """The first batch as labeled is the first ten of the session that are not held out."""
    found = replayed(toy)
    records = session(toy, 120)
    pool = set(replay.split(records, 0).rows.tolist())
    asked = [row for _, _, row in records if row in pool][:10]
    assert list(found.arms[0].first) == asked


def test_labels_and_vectors_stay_with_their_texts(toy: Toy) -> None:
    part = replay.split(session(toy, 120), 3)
    label_of = dict(zip(toy.task.train.texts, toy.task.train.labels.tolist(), strict=True))
    for examples in (part.task.train, part.task.test):
        assert [label_of[text] for text in examples.texts] == examples.labels.tolist()
    texts = [text for text, _, _ in session(toy, 120)]
    assert [texts[i] for i in part.order] == part.task.texts()


def test_the_curve_is_the_models(toy: Toy) -> None:
    found = replayed(toy, seeds=(0,))
    part = replay.split(session(toy, 120), 0)
    texts = [*toy.task.train.texts]
    vectors = np.asarray(toy.embedder.vectors, np.float32)
    asked = part.task.train.texts[:10]  # the first ten as labeled
    model = toy.model()
    rows = np.array([texts.index(text) for text in asked])
    from tyrogue.pool import Inputs

    model.fit(Inputs(asked, rows=rows, embed=toy.embedder.embed), part.task.train.labels[:10], seed=0)
    test_rows = [texts.index(text) for text in part.task.test.texts]
    predicted = model.head(vectors[test_rows]).argmax(1)
    expected = f1_score(part.task.test.labels, predicted, average="macro")
    assert found.arms[0].curve[0] == pytest.approx(expected, abs=1e-5)


def test_every_class_stays_in_the_pool(toy: Toy) -> None:
    records = [*session(toy, 60), ("rare text", "rare", 9999)]
    for seed in range(20):
        task = replay.split(records, seed).task
        assert set(task.train.labels.tolist()) == set(range(len(task.classes)))


def test_too_little_is_refused_with_the_reason(toy: Toy) -> None:
    with pytest.raises(UsageError, match="20 labels of 3 classes; a replay takes at least 40"):
        replayed(toy, n=20)
    with pytest.raises(UsageError, match="of 1 classes"):
        replay.split([("text", "a", i) for i in range(50)], 0)

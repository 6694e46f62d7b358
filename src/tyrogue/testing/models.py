"""What every classifier must do. Parametrize a test over `MODEL_CHECKS`:

@pytest.mark.parametrize("check", MODEL_CHECKS, ids=name)
def test_my_model(check, tmp_path):
    check(ModelCase(make=lambda n_classes: MyModel(n_classes), inputs=inputs_of_texts, load=MyModel.load), tmp_path)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from tyrogue import ops
from tyrogue.errors import CorruptModel, NotFitted, UsageError
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.testing.encoders import TEXTS, generators_untouched, name, scale, tolerance
from tyrogue.types import Floats, Labels, Text

__all__ = ["MODEL_CHECKS", "ModelCase", "Toy", "name", "toy"]

SEED = 7


@dataclass(frozen=True)
class ModelCase:
    """A kind of model under test.

    Attributes:
        make: gives a fresh model of so many classes.
        inputs: gives texts as the model takes them (with an embedder where it needs one).
        load: gives back what `save` wrote.
        continues: whether `fit(start=model)` goes on from that model's weights, so that the result differs from
            a fit without; a convex model reaches the same optimum.
    """

    make: Callable[[int], Classifier]
    inputs: Callable[[Sequence[Text]], Inputs]
    load: Callable[[Path], Classifier]
    continues: bool = True

    def fitted(self, n_classes: int = 2, *, seed: int = SEED) -> Classifier:
        """A model that learned the toy."""
        model, data = self.make(n_classes), toy()
        model.fit(self.inputs(data.texts), data.labels, seed=seed)
        return model


@dataclass(frozen=True)
class Toy:
    """A task that any model learns."""

    texts: list[str]
    labels: Labels


def toy(n: int = 24) -> Toy:
    """Gives texts about good days (1) and bad news (0)."""
    good = [f"good day dog {i}" for i in range(n // 2)]
    bad = [f"bad news market {i}" for i in range(n // 2)]
    return Toy([*good, *bad], np.array([1] * len(good) + [0] * len(bad), np.int64))


def check_shapes(case: ModelCase, folder: Path) -> None:
    """Logits and features are float32, finite, one row a text, whatever is in the text; none for none."""
    model = case.fitted(3)
    logits, features = model.infer(case.inputs(TEXTS))
    assert logits.shape == (len(TEXTS), 3)
    assert features.shape[0] == len(TEXTS)
    assert logits.dtype == features.dtype == np.float32
    assert np.isfinite(logits).all()
    assert np.isfinite(features).all()
    assert_allclose(ops.softmax(logits).sum(1), 1, atol=1e-5)
    assert model.infer(case.inputs([])).logits.shape == (0, 3)


def check_neighbours(case: ModelCase, folder: Path) -> None:
    """A text's answer depends neither on the other texts nor on their order."""
    model = case.fitted()
    together = model.infer(case.inputs(TEXTS))
    alone = [model.infer(case.inputs([text])) for text in TEXTS]
    backwards = model.infer(case.inputs(TEXTS[::-1]))
    for part in (0, 1):
        expected: Floats = np.concatenate([a[part] for a in alone])
        # What the softmax shows to people; features may be as long as sqrt(d).
        shown = ops.softmax if part == 0 else ops.unit
        atol = tolerance(model) * (10 if part == 0 else 1)
        assert_allclose(shown(together[part]), shown(expected), atol=atol)
        assert_allclose(shown(backwards[part][::-1]), shown(expected), atol=atol)


def check_unfitted(case: ModelCase, folder: Path) -> None:
    """Before the first fit there are features, but no logits."""
    model = case.make(2)
    assert not model.fitted
    features = model.features(case.inputs(["good day", "bad news"]))
    assert features.shape[0] == 2
    assert np.isfinite(features).all()
    _raises(NotFitted, lambda: model.infer(case.inputs(["good"])))
    _raises(NotFitted, lambda: model.head(features))
    _raises(NotFitted, lambda: model.save(folder / "unfitted"))


def check_head(case: ModelCase, folder: Path) -> None:
    """The head gives for the features of `infer` the logits of `infer`, and `features` are the same ones."""
    model = case.fitted()
    logits, features = model.infer(case.inputs(TEXTS))
    assert_allclose(ops.softmax(model.head(features)), ops.softmax(logits), atol=1e-5)
    assert_allclose(model.features(case.inputs(TEXTS)), features, atol=tolerance(model) * scale(features))


def check_learns(case: ModelCase, folder: Path) -> None:
    """It learns a task that anything learns."""
    data, model = toy(), case.fitted()
    assert model.fitted
    assert (model.infer(case.inputs(data.texts)).logits.argmax(1) == data.labels).mean() >= 0.9


def check_seed(case: ModelCase, folder: Path) -> None:
    """The same seed gives the same model and the same version; other labels another version."""
    first, second = case.fitted(), case.fitted()
    inputs = case.inputs(TEXTS)
    assert_array_equal(first.infer(inputs).logits, second.infer(inputs).logits)
    assert first.version == second.version
    data, other = toy(), case.make(2)
    other.fit(case.inputs(data.texts), 1 - data.labels, seed=SEED)
    assert other.version != first.version != case.make(2).version


def check_fit_starts_afresh(case: ModelCase, folder: Path) -> None:
    """Without `start`, a fit forgets what the model learned before."""
    data, inputs = toy(), case.inputs(TEXTS)
    model = case.make(2)
    model.fit(case.inputs(data.texts), 1 - data.labels, seed=3)
    model.fit(case.inputs(data.texts), data.labels, seed=SEED)
    assert_array_equal(model.infer(inputs).logits, case.fitted().infer(inputs).logits)


def check_fit_continues(case: ModelCase, folder: Path) -> None:
    """With `start`, a fit goes on from that model, which stays as it was."""
    data, inputs, before = toy(), case.inputs(TEXTS), case.fitted()
    expected, version = before.infer(inputs).logits, before.version
    model = case.make(2)
    model.fit(
        case.inputs(data.texts[:3] + data.texts[-3:]), data.labels[[0, 1, 2, -3, -2, -1]], seed=SEED, start=before
    )
    assert_array_equal(before.infer(inputs).logits, expected)
    assert before.version == version
    fresh = case.make(2)
    fresh.fit(case.inputs(data.texts[:3] + data.texts[-3:]), data.labels[[0, 1, 2, -3, -2, -1]], seed=SEED)
    changed = abs(ops.softmax(model.infer(inputs).logits) - ops.softmax(fresh.infer(inputs).logits)).max() > 2e-3
    assert changed == case.continues, "start= makes a difference" if changed else "start= makes no difference"


def check_unseen_class(case: ModelCase, folder: Path) -> None:
    """A class without labels keeps its column, finite and unlikely."""
    p = ops.softmax(case.fitted(4).infer(case.inputs(toy().texts)).logits)
    assert p.shape[1] == 4
    assert np.isfinite(p).all()
    assert p[:, 2:].mean() < 0.15


def check_one_text_one_class(case: ModelCase, folder: Path) -> None:
    """One text of one class is enough to fit, and one class is enough for a model."""
    for n_classes, label in ((3, 2), (1, 0)):
        model = case.make(n_classes)
        model.fit(case.inputs(["good day"]), np.array([label], np.int64), seed=SEED)
        logits = model.infer(case.inputs(["good day", "bad news"])).logits
        assert np.isfinite(logits).all()
        assert logits[0].argmax() == label


def check_odd_texts(case: ModelCase, folder: Path) -> None:
    """Empty, huge and non-ASCII texts can be learned from."""
    model = case.make(2)
    model.fit(case.inputs(TEXTS), np.arange(len(TEXTS), dtype=np.int64) % 2, seed=SEED)
    assert np.isfinite(model.infer(case.inputs(TEXTS)).logits).all()


def check_pairs(case: ModelCase, folder: Path) -> None:
    """Pairs of texts can be learned from and asked about."""
    pairs: list[Text] = [("good day", "good dog"), ("good day", "bad news"), ("bad market", "good day")] * 3
    model = case.make(2)
    model.fit(case.inputs(pairs), np.array([1, 0, 0] * 3, np.int64), seed=SEED)
    assert np.isfinite(model.infer(case.inputs(pairs)).logits).all()


def check_labels(case: ModelCase, folder: Path) -> None:
    """Labels that do not fit are refused, and int32 ones are taken."""
    texts = case.inputs(["good day", "bad news"])
    for labels in ([0], [0, 2], [0, -1], []):
        _raises(UsageError, partial(case.make(2).fit, texts, np.array(labels, np.int64), seed=0))
    case.make(2).fit(texts, np.array([0, 1]).astype(np.int32), seed=0)


def check_save(case: ModelCase, folder: Path) -> None:
    """What is loaded answers like what was saved, under the same version; saving over a model replaces it."""
    model, inputs, path = case.fitted(3), case.inputs(TEXTS), folder / "model"
    case.fitted(2).save(path)
    model.save(path)
    loaded = case.load(path)
    assert loaded.version == model.version
    assert loaded.n_classes == 3
    assert_allclose(ops.softmax(loaded.infer(inputs).logits), ops.softmax(model.infer(inputs).logits), atol=1e-6)
    assert [p.name for p in folder.iterdir()] == ["model"], "files were left beside the model"
    assert not [p for p in path.rglob("*") if p.suffix in (".pkl", ".bin", ".pt", ".joblib")], "pickle was used"


def check_corrupt(case: ModelCase, folder: Path) -> None:
    """A file that is missing, cut or altered is noticed."""
    path = folder / "model"
    case.fitted().save(path)
    _raises(CorruptModel, lambda: case.load(folder / "nothing"))
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        content = file.read_bytes()
        for broken in (content[: len(content) // 2], _altered(content), None):
            if broken is None:
                file.unlink()
            else:
                file.write_bytes(broken)
            _raises(CorruptModel, lambda: case.load(path))
        file.write_bytes(content)
    case.load(path)


def check_samples(case: ModelCase, folder: Path) -> None:
    """Sampling gives k different answers, the same for the same seed, and leaves the model as it was."""
    model, inputs = case.fitted(), case.inputs(TEXTS[:3])
    before = model.infer(inputs).logits
    samples = model.sample(inputs, 4, seed=1)
    assert samples.shape == (4, 3, 2)
    assert samples.dtype == np.float32
    assert samples.std(0).max() > 0
    assert_array_equal(samples, model.sample(inputs, 4, seed=1))
    assert (samples != model.sample(inputs, 4, seed=2)).any()
    assert_array_equal(before, model.infer(inputs).logits)
    assert model.sample(inputs, 0, seed=1).shape == (0, 3, 2)


def check_threads(case: ModelCase, folder: Path) -> None:
    """Inference is pure, also from several threads at once."""
    model, inputs = case.fitted(), [case.inputs(TEXTS[i:]) for i in range(4)]
    expected = [model.infer(i).logits for i in inputs]
    results: dict[int, Any] = {}

    def work(i: int) -> None:
        results[i] = model.infer(inputs[i]).logits

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        assert_allclose(ops.softmax(results[i]), ops.softmax(expected[i]), atol=tolerance(model))


def check_generators(case: ModelCase, folder: Path) -> None:
    """Nothing touches the global random generators."""
    inputs = case.inputs(TEXTS[:3])
    with generators_untouched():
        model = case.fitted()
        model.infer(inputs)
        model.sample(inputs, 2, seed=0)
        model.save(folder / "model")
        case.load(folder / "model").infer(inputs)


MODEL_CHECKS: tuple[Callable[[ModelCase, Path], None], ...] = (
    check_shapes,
    check_neighbours,
    check_unfitted,
    check_head,
    check_learns,
    check_seed,
    check_fit_starts_afresh,
    check_fit_continues,
    check_unseen_class,
    check_one_text_one_class,
    check_odd_texts,
    check_pairs,
    check_labels,
    check_save,
    check_corrupt,
    check_samples,
    check_threads,
    check_generators,
)


def _raises(error: type[Exception], call: Callable[[], object]) -> None:
    raised = None
    try:
        call()
    except error as caught:
        raised = caught
    assert raised is not None, f"{error.__name__} was not raised"
    assert str(raised).strip(), f"{error.__name__} says nothing"


def _altered(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]

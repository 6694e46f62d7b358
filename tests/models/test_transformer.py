"""Fine-tuning: the paper's schedule, what is trained and what is not, stopping, diverging."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from transformers import AutoModelForSequenceClassification, AutoTokenizer, get_linear_schedule_with_warmup

from tyrogue.errors import BadInput, FitStopped, MissingHead, NonFinite, UnknownName, UsageError
from tyrogue.models import RECIPES, LinearClassifier, Recipe, TransformerClassifier, create
from tyrogue.models.masked_lm import sampled
from tyrogue.models.network import Network
from tyrogue.models.optimizer import freeze, learning_rates, warmup_then_decay
from tyrogue.models.training import shuffled_batches
from tyrogue.pool import Inputs
from tyrogue.testing.checkpoints import Kind, tiny_checkpoint
from tyrogue.testing.models import toy

SMALL = Recipe(epochs=2, batch=4, lr=1e-3, dropout=0.0)
TEXTS = Inputs(toy().texts)
LABELS = toy().labels


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    base = tmp_path_factory.mktemp("checkpoints")
    kinds: tuple[Kind, ...] = ("mean", "pooler", "masked-lm", "roberta", "distilbert")
    return {kind: str(tiny_checkpoint(base / kind, kind, words=["good", "bad", "day"])) for kind in kinds}


def test_paper_schedule_is_that_of_transformers() -> None:
    recipe = RECIPES["paper"]
    for n in (50, 100, 137, 1000):
        total, warmup = -(-n // 16) * 3, int(n / 16 * 3 / 10)
        assert (recipe.steps(n), recipe.warmup_steps(n)) == (total, warmup)
        theirs = get_linear_schedule_with_warmup(torch.optim.SGD([torch.zeros(1, requires_grad=True)]), warmup, total)
        factor = theirs.lr_lambdas[0]
        for step in range(total + 1):
            assert warmup_then_decay(step, total=total, warmup=warmup) == pytest.approx(factor(step))


def test_paper_preset_is_the_papers() -> None:
    paper = RECIPES["paper"]
    assert (paper.epochs, paper.batch, paper.lr, paper.epsilon, paper.weight_decay) == (3, 16, 2e-5, 1e-8, 0)
    assert (paper.clip, paper.dropout, paper.warmup, paper.max_length) == (1.0, 0.1, 0.1, 128)
    assert paper.continues
    assert not paper.head_first
    assert not paper.freeze_embeddings
    assert paper.precision == "float32"


def test_fine_tuning_takes_enough_steps() -> None:
    recipe = RECIPES["finetune"]
    assert [recipe.steps(n) for n in (1, 50, 500, 1000)] == [150, 150, 150, 252]
    assert replace(recipe, max_steps=60).steps(1000) == 60


def test_the_product_preset_takes_few_steps_from_a_head_at_random() -> None:
    product = RECIPES["product"]
    assert not product.head_first
    assert [product.steps(n) for n in (1, 50, 500, 1000)] == [50, 50, 128, 252]


@pytest.mark.parametrize("change", [{"epochs": 0}, {"dropout": 1.0}, {"batch": 0}, {"max_length": 1}])
def test_impossible_recipes_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        replace(RECIPES["paper"], **change)  # type: ignore[arg-type]


def test_every_text_is_seen_once_a_pass() -> None:
    lengths = np.random.default_rng(0).integers(2, 60, size=53)
    batches = list(islice(shuffled_batches(lengths, 8, np.random.default_rng(1)), 14))
    for part in (batches[:7], batches[7:]):
        assert sorted(np.concatenate(part).tolist()) == list(range(53))
    assert np.concatenate(batches[:7]).tolist() != np.concatenate(batches[7:]).tolist()


def test_frozen_parts_do_not_move(folders: dict[str, str]) -> None:
    recipe = replace(SMALL, freeze_embeddings=True, top_layers=1)
    model = TransformerClassifier(2, folders["mean"], recipe, device="cpu")
    model.fit(TEXTS, LABELS, seed=0)
    before, after = model.pretrained.transformer.state_dict(), model.network.backbone.transformer.state_dict()
    moved = {
        name.split(".")[2] for name in before if "layer" in name.split(".") and not before[name].equal(after[name])
    }
    assert moved == {"1"}
    assert before["embeddings.word_embeddings.weight"].equal(after["embeddings.word_embeddings.weight"])


@pytest.mark.parametrize("frozen", [True, False])
def test_what_is_never_trained_is_not_copied_and_what_is_trained_is(frozen: bool, folders: dict[str, str]) -> None:
    model = TransformerClassifier(2, folders["mean"], replace(SMALL, freeze_embeddings=frozen), device="cpu")
    published = {name: tensor.clone() for name, tensor in model.pretrained.state_dict().items()}
    before = model.features(TEXTS)
    model.fit(TEXTS, LABELS, seed=0)
    assert (model.network.backbone.words is model.pretrained.words) is frozen
    assert len(
        {id(p) for p in model.network.backbone.parameters()} & {id(p) for p in model.pretrained.parameters()}
    ) == (1 if frozen else 0)
    model.sample(TEXTS, 2, seed=0)
    assert all(published[name].equal(tensor) for name, tensor in model.pretrained.state_dict().items())
    assert_allclose(TransformerClassifier(2, folders["mean"], SMALL, device="cpu").features(TEXTS), before)


def test_lower_layers_learn_more_slowly(folders: dict[str, str]) -> None:
    network = Network(TransformerClassifier(2, folders["mean"], SMALL, device="cpu").pretrained.clone(), 2)
    recipe = replace(SMALL, lr=1.0, head_lr=10.0, layer_decay=0.5)
    freeze(network, recipe)
    names = {id(p): name for name, p in network.named_parameters()}
    rates = {names[id(p)]: rate for p, rate in learning_rates(network, recipe)}
    assert rates["head.weight"] == 10.0
    assert rates["backbone.transformer.encoder.layer.1.output.dense.weight"] == 1.0
    assert rates["backbone.transformer.encoder.layer.0.output.dense.weight"] == 0.5
    assert rates["backbone.transformer.embeddings.word_embeddings.weight"] == 0.25


def test_infer_is_the_plain_transformers_model(folders: dict[str, str]) -> None:
    """A BERT with a pooler and our head is BertForSequenceClassification."""
    model = TransformerClassifier(2, folders["pooler"], replace(SMALL, precision="float32"), device="cpu")
    model.fit(TEXTS, LABELS, seed=0)
    stock = AutoModelForSequenceClassification.from_pretrained(folders["pooler"], num_labels=2).eval()
    stock.bert.load_state_dict(model.network.backbone.transformer.state_dict())
    stock.classifier.load_state_dict(model.network.head.state_dict())
    tokenizer = AutoTokenizer.from_pretrained(folders["pooler"])
    texts = ["good day", "", "bad news, a long one " * 30]
    with torch.no_grad():
        batch = tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="pt")
        expected = stock(**batch).logits.numpy()
    assert_allclose(model.infer(Inputs(texts)).logits, expected, atol=1e-5)


def test_attention_of_ours_is_torchs(folders: dict[str, str]) -> None:
    ours = TransformerClassifier(2, folders["mean"], SMALL, device="cpu").pretrained
    assert ours.transformer.config._attn_implementation == "tyrogue"
    plain = ours.clone()
    plain.transformer.set_attn_implementation("sdpa")
    batch = ours.tokenizer(["good day", "bad " * 20, "x"], padding=True, return_tensors="pt")
    with torch.no_grad():
        assert_allclose(ours(dict(batch)).numpy(), plain(dict(batch)).numpy(), atol=1e-4)


def test_head_first_starts_where_logistic_regression_ends(folders: dict[str, str]) -> None:
    tiny_steps = replace(SMALL, head_first=True, lr=1e-9, head_lr=1e-9, precision="float32")
    model = TransformerClassifier(2, folders["mean"], tiny_steps, device="cpu")
    model.fit(TEXTS, LABELS, seed=0)
    linear = LinearClassifier(2, c=10.0)
    linear.fit(Inputs(TEXTS, embed=model.features), LABELS, seed=0)
    pretrained = TransformerClassifier(2, folders["mean"], tiny_steps, device="cpu").features(TEXTS)
    assert_allclose(model.infer(TEXTS).logits, linear.head(pretrained), atol=0.02)


def test_progress_and_stop(folders: dict[str, str]) -> None:
    seen: list[tuple[int, int, float]] = []
    model = TransformerClassifier(
        2, folders["mean"], SMALL, device="cpu", progress=lambda *a: seen.append(a), stop=lambda: len(seen) == 3
    )
    with pytest.raises(FitStopped, match="after 3 of 12 steps"):
        model.fit(TEXTS, LABELS, seed=0)
    assert not model.fitted
    assert [step for step, _, _ in seen] == [1, 2, 3]
    model.stop = None
    report = model.fit(TEXTS, LABELS, seed=0)
    assert report.steps == 12
    version = model.version
    model.stop = lambda: True
    with pytest.raises(FitStopped):
        model.fit(TEXTS, LABELS, seed=1)
    assert model.version == version
    assert model.fitted


def test_a_low_loss_ends_the_fit(folders: dict[str, str]) -> None:
    recipe = replace(SMALL, epochs=1, min_steps=400, stop_loss=0.1, lr=5e-3, precision="float32")
    report = TransformerClassifier(2, folders["mean"], recipe, device="cpu").fit(TEXTS, LABELS, seed=0)
    assert 120 <= report.steps < 400
    assert report.loss < 0.1
    assert report.details["early"]


def test_divergence_leaves_the_model_as_it_was(folders: dict[str, str]) -> None:
    model = TransformerClassifier(2, folders["mean"], SMALL, device="cpu")
    model.fit(TEXTS, LABELS, seed=0)
    version, logits = model.version, model.infer(TEXTS).logits
    model.recipe = replace(SMALL, lr=1e30, clip=1e30)
    with pytest.raises(NonFinite, match="smaller learning rate"):
        model.fit(TEXTS, LABELS, seed=0)
    assert model.version == version
    assert_allclose(model.infer(TEXTS).logits, logits)


def test_start_must_be_of_its_kind(folders: dict[str, str]) -> None:
    model = TransformerClassifier(2, folders["mean"], SMALL, device="cpu")
    other = TransformerClassifier(3, folders["mean"], SMALL, device="cpu")
    other.fit(TEXTS, LABELS, seed=0)
    for start in (other, LinearClassifier(2)):
        with pytest.raises(UsageError, match="go on"):
            model.fit(TEXTS, LABELS, seed=0, start=start)


def test_other_architectures_train(folders: dict[str, str]) -> None:
    for kind in ("roberta", "distilbert"):
        model = TransformerClassifier(2, folders[kind], replace(SMALL, lr=3e-3, epochs=8), device="cpu")
        model.fit(TEXTS, LABELS, seed=0)
        assert (model.infer(TEXTS).logits.argmax(1) == LABELS).mean() > 0.9


def test_unknown_names() -> None:
    with pytest.raises(UnknownName, match="product"):
        create("transformer", n_classes=2, recipe="prodct")
    with pytest.raises(UsageError, match="no device"):
        create("transformer", n_classes=2, device="gpu0")
    with pytest.raises(BadInput, match="no model folder"):
        create("transformer", n_classes=2, checkpoint="./nowhere").features(Inputs(["a"]))


class TestSurprisal:
    def test_losses_at_sampled_positions(self, folders: dict[str, str]) -> None:
        model = TransformerClassifier(2, folders["masked-lm"], SMALL, device="cpu")
        texts = ["good day and more words", "", "x", "a b c d e f g h i j k l m n o p q r s t " * 2]
        losses = model.surprisal(Inputs(texts), seed=0)
        assert losses.shape == (4, 64)
        assert (losses >= 0).all()
        # 15% of the tokens that are not special, at least one; none of an empty text.
        words = [len(model.pretrained.tokenizer(t, truncation=True)["input_ids"]) - 2 for t in texts]
        assert np.count_nonzero(losses, axis=1).tolist() == [max(1, round(0.15 * w)) if w else 0 for w in words]
        assert (losses[:, 0] == 0).all()

    def test_losses_are_the_plain_models(self, folders: dict[str, str]) -> None:
        from transformers import AutoModelForMaskedLM

        model = TransformerClassifier(2, folders["masked-lm"], replace(SMALL, precision="float32"), device="cpu")
        text = "good day and more words to look at"
        losses = model.surprisal(Inputs([text, "short"]), seed=3)[0]
        plain = AutoModelForMaskedLM.from_pretrained(folders["masked-lm"]).eval()
        ids = model.pretrained.tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            log_p = plain(input_ids=ids).logits[0].log_softmax(-1)
        taken = np.flatnonzero(losses)
        assert_allclose(losses[taken], [-float(log_p[i, ids[0, i]]) for i in taken], rtol=1e-4)

    def test_seed_and_neighbours(self, folders: dict[str, str]) -> None:
        model = TransformerClassifier(2, folders["masked-lm"], SMALL, device="cpu")
        texts = ["good day and more words " * 2, "bad day in the market and some more"]
        both = model.surprisal(Inputs(texts), seed=0)
        assert_allclose(model.surprisal(Inputs(texts[1:]), seed=0)[0], both[1], atol=1e-5)
        assert (np.flatnonzero(model.surprisal(Inputs(texts), seed=1)[0]) != np.flatnonzero(both[0])).any()

    def test_fine_tuning_does_not_change_it(self, folders: dict[str, str]) -> None:
        model = TransformerClassifier(2, folders["masked-lm"], SMALL, device="cpu")
        before = model.surprisal(TEXTS, seed=0)
        model.fit(TEXTS, LABELS, seed=0)
        assert_allclose(model.surprisal(TEXTS, seed=0), before)

    def test_without_a_trained_head(self, folders: dict[str, str]) -> None:
        for checkpoint in (folders["mean"], "default"):
            with pytest.raises(MissingHead, match="bert-base-cased"):
                TransformerClassifier(2, checkpoint, SMALL, device="cpu").surprisal(TEXTS, seed=0)

    def test_special_tokens_are_never_sampled(self) -> None:
        ids, special = np.array([2, 7, 8, 9, 3, 0, 0]), np.array([0, 1, 2, 3, 4])
        seen = {int(i) for seed in range(60) for i in sampled(ids, special, seed)}
        assert seen == {1, 2, 3}


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_free_threads(two_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from tyrogue.backbone import free_threads, hardware, use_free_threads

    assert 1 <= free_threads(0.01) <= 4096
    seen = iter([0.0, 1e9, 0.0, 0.0])
    monkeypatch.setattr(hardware, "_busy", lambda times: times)
    monkeypatch.setattr("psutil.cpu_times", lambda: next(seen))
    assert free_threads(0.01) == 1  # all cores are somebody else's
    monkeypatch.setattr(hardware, "cores", lambda: 3)
    assert use_free_threads() == 3
    assert torch.get_num_threads() == 3


def test_the_device_is_described() -> None:
    from tyrogue.backbone import describe_device

    assert "CPU, matrix products in" in describe_device("cpu")

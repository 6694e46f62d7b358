"""A pre-trained encoder with a classification head, fine-tuned."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tyrogue.backbone import DEFAULT, Backbone, Tokens, choose_device, dtype_of, load_backbone, release_memory, tokenize
from tyrogue.errors import BadInput, MissingHead, NotFitted, UsageError
from tyrogue.models import crossfit, logistic, masked_lm, storage
from tyrogue.models.labels import checked_labels
from tyrogue.models.linear import standardised
from tyrogue.models.network import Network, features_of
from tyrogue.models.recipes import Recipe, recipe_of
from tyrogue.models.training import ContrastiveTraining, Progress, Stop, Trained, Training, seeded, set_dropout
from tyrogue.pool import Inputs
from tyrogue.protocols import Classifier
from tyrogue.types import FitReport, Floats, Inference, Labels

KIND = "transformer"


class TransformerClassifier:
    """A transformer with the pooling its checkpoint declares and a linear head, fine-tuned on the labels.

    Before the first fit, `features` come from the pre-trained weights.

    Args:
        n_classes: columns of the head.
        checkpoint: "default", a folder or a hub name.
        recipe: a name of `RECIPES`, or a recipe.
        device: cpu, cuda, mps; the best there is when None.
        max_length: instead of the recipe's; cut to what the checkpoint takes.
        progress: called with (step, steps, loss) while fitting.
        stop: asked before each step; when it says True, `fit` raises FitStopped.
        sample_dropout: of Monte-Carlo sampling, where the recipe trains without.
        temperature: what the logits are divided by after a fit, as far as it is known before.
        calibrate: finds the temperature at each fit, on labels held out from three more fits.
    """

    def __init__(
        self,
        n_classes: int,
        checkpoint: str = DEFAULT,
        recipe: str | Recipe = "product",
        *,
        device: str | None = None,
        max_length: int | None = None,
        progress: Progress | None = None,
        stop: Stop | None = None,
        sample_dropout: float = 0.1,
        temperature: float = 1.0,
        calibrate: bool = False,
    ) -> None:
        if not temperature > 0:
            raise UsageError(f"A temperature of {temperature} was asked for; it must be above 0.")
        if n_classes < 1:
            raise UsageError(f"A model of {n_classes} classes was asked for; it takes at least 1.")
        self.n_classes, self.checkpoint = n_classes, checkpoint
        self.recipe = recipe_of(recipe) if max_length is None else replace(recipe_of(recipe), max_length=max_length)
        self.device = choose_device(device)
        self.dtype = dtype_of(self.recipe.precision, self.device)
        self.progress, self.stop, self.sample_dropout = progress, stop, sample_dropout
        self.temperature, self.calibrate = temperature, calibrate
        self.version = "transformer-unfitted"
        self._network: Network | None = None
        self._sampling = threading.Lock()

    @property
    def fitted(self) -> bool:
        return self._network is not None

    @property
    def network(self) -> Network:
        """The fine-tuned network; NotFitted before the first fit."""
        if self._network is None:
            raise NotFitted("The transformer has seen no labels yet: fit it first.")
        return self._network

    @property
    def pretrained(self) -> Backbone:
        """The checkpoint as it was published, shared by all models of the process: clone it to change it."""
        return load_backbone(self.checkpoint, str(self.device))

    @property
    def max_length(self) -> int:
        """Most tokens of a text that are read."""
        backbone = self.pretrained if self._network is None else self._network.backbone
        return min(self.recipe.max_length, backbone.longest)

    def fit(self, inputs: Inputs, labels: Labels, *, seed: int, start: Classifier | None = None) -> FitReport:
        """Learns `labels` (n,) of `inputs`; from the weights of `start` when given, else from the checkpoint.

        Raises:
            UsageError: labels do not fit, or `start` is another kind of model.
            NonFinite: the loss diverged. FitStopped: `stop` said so. Both leave the model as it was.
        """
        begin, labels = time.perf_counter(), checked_labels(labels, len(inputs), self.n_classes)
        temperature = self._calibrated(inputs, labels, seed) if self.calibrate else self.temperature
        tokens = self._tokens(inputs)
        with seeded(seed, self.device):
            network = self._fresh() if start is None else self._continued(start)
            self._prepare(network, tokens, labels, seed, fresh=start is None)
            training = Training(network, tokens, labels, self.recipe, seed=seed, dtype=self.dtype)
            before = self.recipe.contrastive_steps
            done = training.run(self._told(before, before + training.total), self.stop)
        del training  # the optimizer's moments and the last gradients are as large as the weights, three times over
        network.requires_grad_(False).zero_grad(set_to_none=True)
        network.set_head(*(w.cpu().numpy() / temperature for w in (network.head.weight, network.head.bias)))
        release_memory()
        self._network, self.temperature = network, temperature
        self.version = self._version()
        done = replace(done, steps=before + done.steps)
        return self._report(done, len(labels), time.perf_counter() - begin, start is not None)

    def infer(self, inputs: Inputs) -> Inference:
        features = features_of(self.network.backbone, self._tokens(inputs), self.dtype)
        return Inference(self.head(features), features)

    def features(self, inputs: Inputs) -> Floats:
        backbone = self.pretrained if self._network is None else self._network.backbone
        return features_of(backbone, self._tokens(inputs), self.dtype)

    def head(self, features: Floats) -> Floats:
        head = self.network.head
        with torch.inference_mode():
            logits = head(torch.tensor(features, dtype=torch.float32, device=self.device))
        return np.asarray(logits.cpu().numpy(), np.float32)

    def sample(self, inputs: Inputs, k: int, *, seed: int) -> Floats:
        """Gives logits (k, n, C) of k passes with dropout on, in the whole network."""
        network, tokens = self.network, self._tokens(inputs)
        p = self.recipe.dropout or self.sample_dropout
        with self._sampling, seeded(seed, self.device):
            # A copy: dropout is a state of the modules, and `infer` in another thread must not see it.
            backbone = network.backbone.clone(shared=network.backbone.parameters())
            set_dropout(backbone, p)
            backbone.train()
            logits = [self.head(_dropped(features_of(backbone, tokens, self.dtype), p)) for _ in range(k)]
        return np.stack(logits) if k else np.empty((0, len(inputs), self.n_classes), np.float32)

    def surprisal(self, inputs: Inputs, *, seed: int) -> Floats:
        """Gives (n, max_length) masked-LM losses of the pre-trained model (Yuan et al., 2020); MissingHead."""
        model = masked_lm.load_masked_lm(self.checkpoint, str(self.device))
        if model is None:
            raise MissingHead(
                f"ALPS needs a masked-LM head, and the checkpoint {self.checkpoint!r} has none. "
                "Use one that has: --model bert-base-cased."
            )
        return masked_lm.surprisal(model, self._tokens(inputs), self.max_length, dtype=self.dtype, seed=seed)

    def save(self, path: Path) -> None:
        network = self.network
        tensors = {name: tensor.cpu().numpy() for name, tensor in network.state_dict().items()}
        facts: dict[str, Any] = {
            "kind": KIND,
            "version": self.version,
            "n_classes": self.n_classes,
            "checkpoint": self.checkpoint,
            "pooling": network.backbone.pooling,
            "longest": network.backbone.longest,
            "recipe": asdict(self.recipe),
            "temperature": self.temperature,
        }
        storage.write(path, tensors, facts, lambda folder: _save_architecture(network.backbone, folder))

    @classmethod
    def restore(
        cls, path: Path, facts: dict[str, Any], tensors: dict[str, Any], device: str | None = None
    ) -> TransformerClassifier:
        """Gives what `save` wrote to `path`; needs the checkpoint again only to fit afresh."""
        model = cls(int(facts["n_classes"]), facts["checkpoint"], Recipe(**facts["recipe"]), device=device)
        with seeded(0, model.device):
            backbone = _load_architecture(path, facts)
            network = Network(backbone, model.n_classes)
        network.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
        model._network = network.to(model.device).eval().requires_grad_(False)
        model.version, model.temperature = facts["version"], float(facts.get("temperature", 1.0))
        return model

    def _calibrated(self, inputs: Inputs, labels: Labels, seed: int) -> float:
        """Gives the temperature that suits logits of labels held out from training; 1 for too few labels."""
        folds = logistic.stratified(labels, seed, crossfit.FOLDS)
        if folds is None or len(np.unique(labels)) < 2:
            return 1.0

        def fresh() -> TransformerClassifier:
            return TransformerClassifier(
                self.n_classes, self.checkpoint, self.recipe, device=str(self.device), stop=self.stop
            )

        logits = crossfit.held_out_logits(fresh, inputs, labels, folds, seed=seed)
        return crossfit.HeldOut.of(logits, labels).temperature

    def _tokens(self, inputs: Inputs) -> Tokens:
        tokenizer = (self.pretrained if self._network is None else self._network.backbone).tokenizer
        return tokenize(tokenizer, inputs.texts, self.max_length)

    def _fresh(self) -> Network:
        return Network(self._copied(self.pretrained), self.n_classes)

    def _prepare(self, network: Network, tokens: Tokens, labels: Labels, seed: int, *, fresh: bool) -> None:
        """Does what comes before the steps of fine-tuning: the contrastive start, and a head that fits the features."""
        recipe = self.recipe
        if recipe.contrastive_steps:
            first = ContrastiveTraining(network, tokens, labels, recipe, seed=seed, dtype=self.dtype)
            first.run(self._told(0, first.total + recipe.steps(len(labels))), self.stop)
        if recipe.head_first and (fresh or recipe.contrastive_steps):
            features = features_of(network.backbone, tokens, self.dtype)
            # Logistic regression wants features of length 1, the network has them as long as sqrt(d).
            length = float(np.linalg.norm(features, axis=1).mean()) or 1.0
            x = standardised(features) if network.backbone.pooling != "pooler" else features / length
            head = logistic.fit_head(x, labels, self.n_classes, recipe.head_c)
            network.set_head(head.weight / length, head.bias)

    def _told(self, before: int, total: int) -> Progress | None:
        """Gives whom to tell of a part of the fit that comes after so many steps, of so many in all."""
        tell = self.progress
        return None if tell is None else lambda done, _, loss: tell(before + done, total, loss)

    def _copied(self, backbone: Backbone) -> Backbone:
        """Gives a backbone to train; what the recipe never changes is not copied."""
        return backbone.clone(shared=[backbone.words] if self.recipe.freeze_embeddings else ())

    def _continued(self, start: Classifier) -> Network:
        if not isinstance(start, TransformerClassifier) or start.n_classes != self.n_classes:
            raise UsageError("A transformer can only go on from a transformer with as many classes.")
        network = Network(self._copied(start.network.backbone), self.n_classes)
        head = start.network.head
        network.set_head(*(w.cpu().numpy() * start.temperature for w in (head.weight, head.bias)))
        return network.to(self.device)

    def _version(self) -> str:
        tensors = self.network.state_dict().values()
        # A sum for each tensor is enough: training changes them all.
        sums = np.array([float(t.double().sum()) for t in tensors])
        return storage.version_of(KIND, sums, self.network.head.weight.cpu().numpy())

    def _report(self, done: Trained, labels: int, seconds: float, continued: bool) -> FitReport:
        details = {
            "labels": labels,
            "early": done.early,
            "continued": continued,
            "max_length": self.max_length,
            "dtype": str(self.dtype).removeprefix("torch."),
            "recipe": asdict(self.recipe),
        }
        return FitReport(seconds, steps=done.steps, loss=done.loss, details=details)


def _dropped(features: Floats, p: float) -> Floats:
    return np.asarray(nn.functional.dropout(torch.from_numpy(features), p).numpy(), np.float32)


def _save_architecture(backbone: Backbone, folder: Path) -> None:
    backbone.transformer.config.save_pretrained(folder)
    backbone.tokenizer.save_pretrained(folder)


def _load_architecture(path: Path, facts: dict[str, Any]) -> Backbone:
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    from tyrogue.backbone.attention import use_fast_attention

    try:
        transformer = AutoModel.from_config(AutoConfig.from_pretrained(path))
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"The architecture in {path} cannot be loaded ({error}).", remedy="Train again.") from error
    use_fast_attention(transformer)
    name, longest = facts["checkpoint"], int(facts["longest"])
    return Backbone(transformer, tokenizer, facts["pooling"], name=name, longest=longest)

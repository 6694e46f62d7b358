"""A standardised pooled feature and a linear head, written as a stock sequence classifier.

Stock classifiers read one token through a non-linear layer. Mean pooling fits in as one more encoder layer with
uniform attention: queries and keys 0 weigh all tokens alike, large values let the mean outweigh the residual, and
the layer's own normalisation standardises it. The non-linear layer is then used where it is linear.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tyrogue.backbone.network import Pooling

OUTWEIGH = 1e4
"""How many times larger the mean is than the residual; more would overflow float16."""
LINEAR_TANH = 1e-3
"""tanh(x) is x to a part in a million for features scaled by this."""
LINEAR_RELU = 100.0
"""relu(x + this) - this is x for features in reach."""


@dataclass(frozen=True)
class Parts:
    """What is to be written.

    Attributes:
        transformer: the encoder.
        pooling: how its token vectors become one, standardised unless it is the pooler's output.
        weight: (C, d) of the head on these features.
        bias: (C,).
    """

    transformer: Any
    pooling: Pooling
    weight: Tensor
    bias: Tensor


def as_stock(parts: Parts) -> Any | None:
    """Gives a stock `...ForSequenceClassification` in float32 on the CPU; None when none can express it."""
    if parts.pooling not in ("mean", "cls", "pooler"):
        return None
    builder = _BUILDERS.get(parts.transformer.config.model_type)
    if builder is None:
        return None
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        return builder(parts).float().cpu().eval()


def _config(parts: Parts, layers_key: str) -> Any:
    config = copy.deepcopy(parts.transformer.config)
    config.num_labels = len(parts.bias)
    config.problem_type = "single_label_classification"
    if parts.pooling != "pooler":
        setattr(config, layers_key, getattr(config, layers_key) + 1)
    config._attn_implementation = None
    return config


def _bert(parts: Parts) -> Any:
    from transformers import BertForSequenceClassification

    model = BertForSequenceClassification(_config(parts, "num_hidden_layers"))
    _copy(parts.transformer, model.bert)
    if parts.pooling == "pooler":
        _set(model.classifier, parts.weight, parts.bias)
    else:
        _pool_in_bert_layer(model.bert.encoder.layer[-1], parts.pooling)
        _through_tanh(model.bert.pooler.dense, model.classifier, parts)
    return model


def _roberta(parts: Parts) -> Any:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_config(_config(parts, "num_hidden_layers"))
    _copy(parts.transformer, model.base_model)
    if parts.pooling == "pooler":  # its own head is a pooler by another name
        pooler = parts.transformer.pooler.dense
        _set(model.classifier.dense, pooler.weight, pooler.bias)
        _set(model.classifier.out_proj, parts.weight, parts.bias)
    else:
        _pool_in_bert_layer(model.base_model.encoder.layer[-1], parts.pooling)
        _through_tanh(model.classifier.dense, model.classifier.out_proj, parts)
    return model


def _distilbert(parts: Parts) -> Any:
    from transformers import DistilBertForSequenceClassification

    model = DistilBertForSequenceClassification(_config(parts, "n_layers"))
    _copy(parts.transformer, model.distilbert)
    layer, identity = model.distilbert.transformer.layer[-1], torch.eye(parts.weight.shape[1])
    _uniform(
        layer.attention.q_lin, layer.attention.k_lin, layer.attention.v_lin, layer.attention.out_lin, parts.pooling
    )
    _plain_norms(layer.sa_layer_norm, layer.output_layer_norm)
    _set(layer.ffn.lin1, 0, 0)
    _set(layer.ffn.lin2, 0, 0)
    _set(model.pre_classifier, identity, LINEAR_RELU)
    _set(model.classifier, parts.weight, parts.bias - LINEAR_RELU * parts.weight.sum(1))
    return model


_BUILDERS: dict[str, Callable[[Parts], Any]] = {
    "bert": _bert,
    "roberta": _roberta,
    "xlm-roberta": _roberta,
    "camembert": _roberta,
    "distilbert": _distilbert,
}


def _pool_in_bert_layer(layer: Any, pooling: Pooling) -> None:
    attention = layer.attention
    _uniform(attention.self.query, attention.self.key, attention.self.value, attention.output.dense, pooling)
    _plain_norms(attention.output.LayerNorm, layer.output.LayerNorm)
    _set(layer.intermediate.dense, 0, 0)
    _set(layer.output.dense, 0, 0)


def _uniform(query: nn.Linear, key: nn.Linear, value: nn.Linear, out: nn.Linear, pooling: Pooling) -> None:
    identity = torch.eye(out.in_features)
    _set(query, 0, 0)
    _set(key, 0, 0)
    # Without values only the residual is left: the first token's own vector.
    _set(value, OUTWEIGH * identity if pooling == "mean" else 0, 0)
    _set(out, identity, 0)


def _plain_norms(*norms: nn.LayerNorm) -> None:
    for norm in norms:
        norm.weight.fill_(1)
        norm.bias.fill_(0)


def _through_tanh(dense: nn.Linear, out: nn.Linear, parts: Parts) -> None:
    _set(dense, LINEAR_TANH * torch.eye(dense.in_features), 0)
    _set(out, parts.weight / LINEAR_TANH, parts.bias)


def _set(linear: nn.Linear, weight: Tensor | float, bias: Tensor | float) -> None:
    linear.weight.copy_(torch.as_tensor(weight, dtype=torch.float32).cpu().expand_as(linear.weight))
    linear.bias.copy_(torch.as_tensor(bias, dtype=torch.float32).cpu().expand_as(linear.bias))


def _copy(source: nn.Module, target: nn.Module) -> None:
    # The added layer is missing in the source, an unused pooler may be missing in the target.
    target.load_state_dict({k: v.detach().cpu() for k, v in source.state_dict().items()}, strict=False)

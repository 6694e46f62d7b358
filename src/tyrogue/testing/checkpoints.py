"""Tiny random checkpoints, so that tests of models need no download."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from tyrogue.backbone.quiet import quiet_loading

Kind = Literal["pooler", "mean", "cls", "masked-lm", "roberta", "distilbert"]

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def tiny_checkpoint(folder: Path, kind: Kind = "mean", *, words: Iterable[str] = (), hidden: int = 32) -> Path:
    """Writes a random two-layer transformer with its tokenizer to `folder` and gives the folder.

    Args:
        folder: is made.
        kind: how the checkpoint pools (`pooler`: BERT as published; `mean`, `cls`: with a
            sentence-transformers config), or another architecture, or a BERT with a masked-LM head.
        words: whole words of the vocabulary, besides the letters and digits.
        hidden: width.
    """
    import torch
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        BertModel,
        DistilBertConfig,
        DistilBertModel,
        RobertaConfig,
        RobertaModel,
    )

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = save_tokenizer(folder, words)
    shape = {"vocab_size": len(vocabulary), "pad_token_id": 0}
    bert = BertConfig(
        **shape,
        hidden_size=hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2 * hidden,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        if kind == "masked-lm":
            model = BertForMaskedLM(bert)
        elif kind == "roberta":
            model = RobertaModel(RobertaConfig(**{**bert.to_dict(), "model_type": "roberta"}))
        elif kind == "distilbert":
            model = DistilBertModel(
                DistilBertConfig(
                    **shape, dim=hidden, n_layers=2, n_heads=4, hidden_dim=2 * hidden, max_position_embeddings=64
                )
            )
        else:
            model = BertModel(bert)
        # The usual 0.02 makes a random network so small that nothing tells two texts apart.
        for parameter in model.parameters():
            if parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=0.15)
    with quiet_loading():
        model.save_pretrained(folder)
    if kind in ("mean", "cls"):
        _declare_pooling(folder, kind, hidden)
    return folder


def save_tokenizer(folder: Path, words: Iterable[str] = ()) -> list[str]:
    """Writes a WordPiece tokenizer of these words and all ASCII letters and digits; gives its vocabulary."""
    from transformers import BertTokenizer

    characters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"
    pieces = [*characters, *("##" + c for c in characters), *words]
    vocabulary = list(dict.fromkeys([*_SPECIAL, *pieces]))
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    BertTokenizer(str(folder / "vocab.txt"), model_max_length=64).save_pretrained(folder)
    return vocabulary


def _declare_pooling(folder: Path, kind: str, hidden: int) -> None:
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"word_embedding_dimension": hidden, f"pooling_mode_{kind}_tokens": True}
    if kind == "cls":
        pooling = {
            "word_embedding_dimension": hidden,
            "pooling_mode_cls_token": True,
            "pooling_mode_mean_tokens": False,
        }
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        for i, (path, name) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 48, "do_lower_case": False}))

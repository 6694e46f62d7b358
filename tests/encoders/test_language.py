"""Telling a corpus that the default encoder does not know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tyrogue.encoders.language import MULTILINGUAL, unknown_script

SENTENCES = {
    "Russian": "Это предложение написано по-русски, и модель его не понимает совсем.",
    "Chinese": "这是一个用中文写的句子，模型不认识它。",
    "Arabic": "هذه جملة مكتوبة باللغة العربية ولا يفهمها النموذج.",
    "Greek": "Αυτή η πρόταση είναι γραμμένη στα ελληνικά.",
    "German": "Das ist ein Satz, der auf Deutsch geschrieben ist, und das Modell kennt die Sprache nicht.",
    "French": "C'est une phrase qui est écrite en français et que le modèle ne connaît pas, mais les gens oui.",
    "Spanish": "Esta es una frase que está escrita en español y el modelo no la conoce como los lectores.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_foreign_corpora_are_noticed(language: str) -> None:
    message = unknown_script([SENTENCES[language]] * 30)
    assert message is not None
    assert MULTILINGUAL in message


def test_english_and_little_text_are_not() -> None:
    english = "This is a sentence that was written in English, and the model knows the language."
    assert unknown_script([english] * 30) is None
    assert unknown_script([english] * 20 + [SENTENCES["Russian"]] * 9) is None
    assert unknown_script([]) is None
    assert unknown_script(["das ist der"]) is None
    assert unknown_script(["SKU-3391 XL", "4711", "🎉🎉"] * 100) is None


def test_a_multilingual_encoder_is_left_alone() -> None:
    class Encoder:
        name = MULTILINGUAL

    assert unknown_script([SENTENCES["German"]] * 30, Encoder()) is None


def test_pairs_are_read_on_both_sides() -> None:
    assert unknown_script([(SENTENCES["Greek"], SENTENCES["Greek"])] * 30) is not None


def test_real_corpora(datasets_dir: Path) -> None:
    import pyarrow.parquet as pq

    for meta in sorted(datasets_dir.glob("*/meta.json")):
        name = json.loads(meta.read_text(encoding="utf-8"))["name"]
        texts = pq.read_table(meta.parent / "train.parquet", columns=["text"])["text"].to_pylist()[:500]
        message = unknown_script(texts)
        assert (message is not None and "German" in message) == (name == "germeval2018"), name

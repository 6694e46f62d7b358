"""Does the default encoder know the language of these texts? Cheap signs, no model."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from tyrogue.types import Text

MULTILINGUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"

_ENOUGH_LETTERS = 200
_ENOUGH_WORDS = 100

# Frequent function words. Those that several of these languages share (de, la, a, in, me, no...) tell nothing and
# are left out, or are given to none.
_FUNCTION_WORDS = {
    "English": "the and of to is was that for with this you are not have it from they be at by his but or which "
    "what were there can had has their would will been who if about my your we how",
    "German": "der die und das ist nicht ich ein eine zu den mit auf für von dem sich auch es wie wir sie aber wird "
    "dass noch werden sind haben hat nur mir bei einen einer doch schon wenn zum zur nach",
    "French": "le les et des est une pour dans que qui pas sur avec il elle je vous nous mais ce cette sont au aux du "
    "plus ont être fait par ils leur ses",
    "Spanish": "el los las y del que es una por con para su pero como más este esta ha al lo muy son fue hay cuando "
    "todo está también",
    "Italian": "il di che è una per con non sono gli della dei nel anche alla più ho questo come ma delle si da mi lo",
    "Portuguese": "o os as e do da em um uma que não com para por mais dos das ao foi ele isso você muito também são",
    "Dutch": "de het een en van dat niet ik zijn met voor op die er maar ook aan wordt bij naar heeft deze wat je",
    "Polish": "nie się jest na że do to jak ale co tak po za od czy przez być już tylko było są dla",
    "Turkish": "bir ve bu da için çok ile ne ama gibi daha var olarak kadar ben değil mi olan sonra",
    "Swedish": "och det att som är på för med inte den till av jag har om ett men var från kan",
    "Vietnamese": "và của là có không được một cho người trong những đã với các này",
    "Indonesian": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke ada bisa",
}
_WORDS = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}


def unknown_script(texts_sample: Sequence[Text], encoder: object = None) -> str | None:
    """Gives a sentence for the user when most of a corpus is in a script or language that an English encoder
    does not know, naming a multilingual model; None when all is well or cannot be told.

    Args:
        texts_sample: some hundreds of texts, drawn at random.
        encoder: the encoder in use; one whose name says that it is multilingual is not warned about.
    """
    name = str(getattr(encoder, "name", "default"))
    if any(part in name.lower() for part in ("multilingual", "xlm", "bge-m3", "labse", "mbert", "distiluse")):
        return None
    words = list(_words(texts_sample))
    found = _foreign_script(words) or _foreign_language(words)
    if found is None:
        return None
    return f"{found}, and the model {name!r} was trained on English. Use a multilingual one: --model {MULTILINGUAL}"


def _words(texts: Iterable[Text]) -> Iterable[str]:
    for text in texts:
        for part in text if isinstance(text, tuple) else (text,):
            yield from part[:2000].casefold().split()


def _foreign_script(words: Sequence[str]) -> str | None:
    letters = Counter(letter for word in words for letter in word if letter.isalpha())
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        scripts[unicodedata.name(letter, "UNKNOWN").split()[0]] += count
    total, latin = sum(scripts.values()), scripts["LATIN"]
    # One Chinese character says as much as several letters, so fewer are enough there.
    if total < _ENOUGH_LETTERS or total - latin <= latin:
        return None
    script, count = next((s, n) for s, n in scripts.most_common() if s != "LATIN")
    return f"{count / total:.0%} of the letters are {script.capitalize()}"


def _foreign_language(words: Sequence[str]) -> str | None:
    counts = Counter(word.strip(".,;:!?\"'()[]«»„“”#@-") for word in words)
    hits = {language: sum(counts[word] for word in known) for language, known in _WORDS.items()}
    best = max(hits, key=lambda language: hits[language])
    # A tenth of any running text is function words; less than that is not prose (titles, codes, lists).
    told = len(words) >= _ENOUGH_WORDS and hits[best] >= 0.1 * len(words) and hits[best] > 1.5 * hits["English"]
    return f"The texts look {best}" if told and best != "English" else None

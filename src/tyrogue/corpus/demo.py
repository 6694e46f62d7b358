"""A real corpus that every installation has: what the docstrings of its Python libraries say.

The class is the field that the library is of, so a person can judge it from the text alone.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

from tyrogue.corpus.docstrings import texts_of
from tyrogue.corpus.importing import Progress, import_source
from tyrogue.corpus.project import Project
from tyrogue.corpus.records import Record
from tyrogue.errors import BadInput

# Field -> (most texts, libraries or parts of them). Parts that are not installed are left out.
FIELDS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "Numbers and arrays": (
        800,
        ("numpy/_core", "numpy/lib", "numpy/linalg", "numpy/ma", "numpy/polynomial", "numpy/fft", "scipy/linalg",
         "scipy/sparse", "scipy/fft", "scipy/integrate", "scipy/interpolate", "scipy/optimize", "scipy/special"),
    ),
    "Statistics": (600, ("scipy/stats", "torch/distributions", "statistics", "random")),
    "Machine learning": (800, ("sklearn",)),
    "Neural networks": (600, ("torch/nn", "torch/optim")),
    "Language models": (
        800,
        ("transformers/generation", "transformers/pipelines", "transformers/data", "transformers/tokenization_*",
         "transformers/models/*/tokenization_*", "sentence_transformers", "tokenizers"),
    ),
    "Databases": (800, ("sqlalchemy", "alembic", "sqlite3", "dbm")),
    "Web and network": (
        700,
        ("fastapi", "starlette", "uvicorn", "httpx", "httpcore", "h11", "http", "urllib", "email", "smtplib", "imaplib",
         "ftplib", "ssl", "socketserver", "websockets", "requests", "urllib3", "aiohttp"),
    ),
    "Terminal": (500, ("typer", "click", "rich", "argparse", "curses", "cmd", "textwrap", "prompt_toolkit", "tqdm")),
}  # fmt: skip
FEWEST = 60
"""Fields of which fewer texts are found are left out."""
HELD_OUT = 0.2

_SIGNS = re.compile(r"[\W_]+")


def demo_rows() -> Iterator[Record]:
    """Gives the demo corpus, `gold` being the field: several thousand texts, none twice, the same every time.

    Takes a few seconds: files are parsed, never imported.
    """
    taken: set[str] = set()
    found = {field: _sample(most, parts, taken) for field, (most, parts) in FIELDS.items()}
    kept = [(text, field) for field, texts in found.items() if len(texts) >= FEWEST for text in texts]
    for row, (text, field) in enumerate(sorted(kept, key=lambda pair: _digest(pair[0]))):
        yield Record(row, _digest(text).hex()[:12], text, gold=field)


def create_demo(
    path: str | Path, *, settings: Mapping[str, Any] | None = None, seed: int = 0, progress: Progress | None = None
) -> Project:
    """Makes the demo project, with a fifth of the corpus as its gold file (the project in the folder `test`).

    Raises:
        BadInput: fewer than two fields were found, so the installation is not whole.
    """
    path = Path(path).absolute()
    rows = list(demo_rows())
    fields = [field for field in FIELDS if any(row.gold == field for row in rows)]
    if len(fields) < 2:
        raise BadInput(
            "The docstrings of the libraries that tyrogue needs were not found.",
            remedy="Is it installed whole? See: tyrogue doctor",
        )
    held_out = int(HELD_OUT * len(rows))  # rows are shuffled, so the first are a sample
    for place, part in ((path / "test", rows[:held_out]), (path, rows[held_out:])):
        _import(place, part, fields, seed, progress)
    project = Project.open(path)
    project.update(name="demo", settings=dict(settings or {}))
    return project


def _sample(most: int, parts: tuple[str, ...], taken: set[str]) -> list[str]:
    """Gives texts of a field, those of each part in turn, so that none crowds out the others."""
    texts: list[str] = []
    sources = [texts_of(part) for part in parts]
    while sources and len(texts) < most:
        for source in list(sources):
            few = list(islice(source, 20))
            if not few:
                sources.remove(source)
            for text in few:
                if _key(text) not in taken and len(texts) < most:
                    taken.add(_key(text))
                    texts.append(text)
    return texts


def _import(place: Path, rows: list[Record], fields: list[str], seed: int, progress: Progress | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "demo.jsonl"
        lines = (json.dumps({"id": row.id, "text": row.text, "label": row.gold}) + "\n" for row in rows)
        file.write_text("".join(lines), encoding="utf-8")
        import_source(file, place, classes=fields, seed=seed, progress=progress)


def _key(text: str) -> str:
    return _SIGNS.sub("", text.lower())


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()

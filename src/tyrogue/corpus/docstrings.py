"""What the docstrings of installed libraries say, read from their source files: nothing is imported or run."""

from __future__ import annotations

import ast
import re
import sysconfig
import warnings
from collections.abc import Iterator
from hashlib import blake2b
from importlib.machinery import PathFinder
from pathlib import Path

SHORTEST, LONGEST = 80, 400
"""Characters of a text. Shorter ones ("Return the value.") could be of any library."""
FEWEST_WORDS = 10
LARGEST_FILE = 1 << 20
"""Bytes. Larger ones are generated tables."""

_NOT_FOR_READERS = re.compile(r"(^|/)(_?tests?|testing|_vendor|externals|conftest\.py|test_[^/]*|[^/]*_test\.py)(/|$)")
_PARAGRAPHS = re.compile(r"\n\s*\n")
_BLANKS = re.compile(r"\s+")
_SENTENCE_ENDS = re.compile(r"[.;!?] ")
# Where the prose of a docstring ends: a section of the numpy, Google or Sphinx style, code, a table.
_SECTION = re.compile(
    r"^\s*(parameters?|arg(ument)?s?|keyword args?|returns?|yields?|raises?|warns?|examples?|notes?|see also|references"
    r"|attributes?|methods?|usage|inputs?|outputs?|shapes?|warnings?|tips?|todo)\s*:*\s*($|:|\n\s*[-=~]{3,})"
    r"|^\s*(>>>|:\w+|\.\. |@|[-=~]{4,}|```|\* )",
    re.IGNORECASE | re.MULTILINE,
)


def texts_of(part: str) -> Iterator[str]:
    """Gives what the public classes and functions of a library, or of a part of it, say they do.

    Files come in an order that looks random and depends on their names alone, so that the first n texts are a sample of
    the whole part.

    Args:
        part: `library`, or a path below it that may hold `*`, such as "scipy/linalg".
    """
    for file in _files(part):
        yield from _of_file(file)


def _files(part: str) -> list[Path]:
    library, _, below = part.partition("/")
    place = _place(library)
    if place is None:
        return []
    found: set[Path] = set()
    for start in place.glob(below) if below else [place]:
        found.update([start] if start.is_file() else start.rglob("*.py"))
    names = {file: file.relative_to(place.parent).as_posix() for file in found}
    kept = [file for file, name in names.items() if file.suffix == ".py" and not _NOT_FOR_READERS.search(name)]
    return sorted(kept, key=lambda file: blake2b(names[file].encode(), digest_size=8).digest())


def _place(library: str) -> Path | None:
    """Gives the folder or file of an installed library, without importing it; None when it is not there."""
    standard = Path(sysconfig.get_paths()["stdlib"])
    for place in (standard / library, standard / f"{library}.py"):
        if place.exists():
            return place
    spec = PathFinder.find_spec(library)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)


def _of_file(path: Path) -> Iterator[str]:
    try:
        source = path.read_bytes()
        if len(source) > LARGEST_FILE:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's strings
            tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return  # templates, and files for other Pythons
    for docstring in _public(tree):
        text = prose(docstring)
        if len(text) >= SHORTEST and len(text.split()) >= FEWEST_WORDS:
            yield text


def _public(node: ast.AST) -> Iterator[str]:
    """Gives the docstrings of the public classes, methods and functions below a module or class."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or child.name.startswith("_"):
            continue
        docstring = ast.get_docstring(child)
        if docstring:
            yield docstring
        if isinstance(child, ast.ClassDef):
            yield from _public(child)


def prose(docstring: str) -> str:
    """Gives the first sentences of a docstring, up to its first section, blanks collapsed."""
    section = _SECTION.search(docstring)
    told = docstring[: section.start()] if section else docstring
    text = ""
    for paragraph in _PARAGRAPHS.split(told.strip()):
        longer = f"{text} {_BLANKS.sub(' ', paragraph).strip()}".strip()
        if text and len(longer) > LONGEST:
            break
        text = longer
    if len(text) > LONGEST:
        ends = [match.start() + 1 for match in _SENTENCE_ENDS.finditer(text[:LONGEST])]
        text = text[: ends[-1]] if ends else ""
    return text

"""Models on disk: model.safetensors and model.json, which knows the checksums of both. Never pickle.

A folder appears whole or not at all: it is written beside its place and renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tyrogue.errors import CorruptModel, ProjectError

FORMAT = 1
WEIGHTS, FACTS = "model.safetensors", "model.json"

Arrays = dict[str, NDArray[Any]]


def version_of(kind: str, *arrays: NDArray[Any]) -> str:
    """Gives a name that changes with the weights."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"{kind}-{digest.hexdigest()[:10]}"


def write(path: Path, tensors: Arrays, facts: dict[str, Any], more: Callable[[Path], None] | None = None) -> None:
    """Writes a model folder, in place of one that may be there.

    Args:
        path: the folder.
        tensors: weights by name.
        facts: what else there is to know; JSON.
        more: writes further files into the folder (a tokenizer).

    Raises:
        ProjectError: the disk is full or may not be written to; what was there is untouched.
    """
    from safetensors.numpy import save_file

    temporary, old = path.with_name(f".{path.name}.{os.getpid()}"), path.with_name(f".{path.name}.old")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, temporary / WEIGHTS)
        if more is not None:
            more(temporary)
        listed = {f.name: _sha256(f) for f in sorted(temporary.iterdir()) if f.is_file()}
        body = {"format": FORMAT, **facts, "files": listed}
        (temporary / FACTS).write_text(json.dumps({**body, "sha256": _digest(body)}, indent=1), encoding="utf-8")
        _swap(temporary, path, old)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise ProjectError(
            f"The model cannot be written to {path}: {error.strerror or error}. "
            "Free some disk space or check the folder's permissions; the model before it is still there."
        ) from error


def read(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Gives the facts and the weights of a model folder.

    Raises:
        CorruptModel: a file is missing, cut or altered.
    """
    from safetensors.numpy import load_file

    facts = read_facts(path)
    for name, expected in facts["files"].items():
        if not (path / name).is_file():
            raise CorruptModel(f"{path / name} is missing. {_REMEDY}")
        if _sha256(path / name) != expected:
            raise CorruptModel(f"{path / name} was cut or altered since it was written. {_REMEDY}")
    return facts, load_file(path / WEIGHTS)


def read_facts(path: Path) -> dict[str, Any]:
    """Gives what model.json says; CorruptModel when it is missing or altered."""
    file, old = path / FACTS, path.with_name(f".{path.name}.old")
    if not path.exists() and old.is_dir():  # a crash between the two renames of a write
        old.rename(path)
    if not file.is_file():
        raise CorruptModel(f"{path} holds no model: {FACTS} is missing. {_REMEDY}")
    try:
        facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        intact = facts.pop("sha256") == _digest(facts)
    except (ValueError, KeyError, AttributeError, TypeError):
        intact = False
    if not intact:
        raise CorruptModel(f"{file} was cut or altered since it was written. {_REMEDY}")
    if facts["format"] > FORMAT:
        raise CorruptModel(f"{path} was written by a newer version of tyrogue. Upgrade: pip install --upgrade tyrogue")
    return facts


_REMEDY = "Train the model again: the labels are all there."


def _swap(temporary: Path, path: Path, old: Path) -> None:
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    temporary.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

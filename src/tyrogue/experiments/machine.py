"""What a run was made with and on, for its record."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "scikit-learn", "torch", "transformers", "sentence-transformers")


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Gives versions of Python, tyrogue and the packages that decide numbers."""
    from tyrogue import __version__

    found = {"python": platform.python_version(), "tyrogue": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@lru_cache(maxsize=1)
def commit() -> str | None:
    """Gives the git commit of the running source, with "+" when it was changed since; None outside a repository."""
    here = Path(__file__).parent
    head = _output("git", "-C", str(here), "rev-parse", "--short=12", "HEAD")
    if not head:
        return None
    return head + ("+" if _output("git", "-C", str(here), "status", "--porcelain", "--", str(here.parent)) else "")


@lru_cache(maxsize=1)
def machine() -> dict[str, str | int]:
    """Gives processor, cores that this process may use, memory in GB and, if there is one, the GPU."""
    import psutil

    found: dict[str, str | int] = {
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
    }
    if shutil.which("nvidia-smi") and (gpu := _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")):
        found["gpu"] = gpu.splitlines()[0]
    return found


def usable_cores() -> int:
    """Gives how many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""

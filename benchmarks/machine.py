"""What every benchmark notes beside its figures: machine, versions, command."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("tyrogue", "numpy", "torch", "transformers", "sentence-transformers", "scikit-learn")
PEERS = ("small-text", "scikit-activeml", "faiss-cpu", "fastkmeans")
"""Told where they are installed."""


def machine() -> dict[str, Any]:
    """Gives processor, cores, memory and versions."""
    flags = ""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        fields = {name.strip(): value.strip() for name, value in lines.items()}
        model, flags = fields.get("model name", model), fields.get("flags", "")
    return {
        "processor": model,
        "cores": psutil.cpu_count(logical=False) or psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "matrix_units": sorted({f for f in flags.split() if f.startswith(("amx", "avx512_bf16", "avx512f", "avx2"))}),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in (*PACKAGES, *filter(_installed, PEERS))},
    }


def _installed(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


def commit() -> str:
    """Gives the commit that was measured, with a plus when the tree had changes beside results."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        )
        status = ["git", "status", "--porcelain", "--", ":/", f":(exclude){RESULTS}"]
        changed = subprocess.run(status, cwd=here, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def write(name: str, figures: dict[str, Any]) -> Path:
    """Writes figures with machine, commit and command to results/NAME.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    told = {
        "command": shlex.join(
            [
                "python",
                str(Path(sys.argv[0]).relative_to(Path.cwd()) if Path(sys.argv[0]).is_absolute() else sys.argv[0]),
                *sys.argv[1:],
            ]
        ),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "machine": machine(),
        "figures": figures,
    }
    path.write_text(json.dumps(told, indent=1) + "\n")
    return path

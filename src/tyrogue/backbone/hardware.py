"""On what a network runs: device, number format, threads."""

from __future__ import annotations

import ctypes
import os
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from typing import Literal

import psutil
import torch

from tyrogue.errors import UsageError

Precision = Literal["auto", "float32", "bfloat16"]


def choose_device(name: str | None = None) -> torch.device:
    """Gives the device named, else the best one there is: CUDA, Apple MPS, CPU."""
    if name is not None:
        try:
            return torch.device(name)
        except RuntimeError as error:
            raise UsageError(f"There is no device {name!r}: give cpu, cuda, cuda:N or mps.") from error
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def dtype_of(precision: Precision, device: torch.device) -> torch.dtype:
    """Gives the number format of matrix products: bfloat16 where `auto` finds that the hardware has it.

    Weights, normalisation and losses stay in float32. MPS stays in float32: nothing else was measured there.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise UsageError(f"There is no precision {precision!r}: give auto, float32 or bfloat16.")
    if precision == "auto":
        return torch.bfloat16 if _has_bfloat16(device.type) else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


@cache
def _has_bfloat16(device_type: str) -> bool:
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device_type != "cpu":
        return False
    # Emulated bfloat16 is slower than float32, so only CPUs with the instructions count.
    abilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(abilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16", "arm_bf16"))


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Gives the context in which matrix products are computed in `dtype`."""
    if dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype)


def token_budget(device: torch.device) -> int:
    """Gives how many padded tokens go into one batch of inference.

    On a CPU a batch's activations should stay in the cache.
    """
    return 2_048 if device.type == "cpu" else 65_536


def free_threads(seconds: float = 0.1) -> int:
    """Gives how many threads can compute without taking a core from somebody else, at least 1.

    Two threads on one free core are far worse than one: they wait for one another at the end of every matrix
    product.

    Args:
        seconds: how long the machine is watched.
    """
    before, start = psutil.cpu_times(), time.perf_counter()
    time.sleep(seconds)
    # Other threads of this process count as somebody else: this one slept.
    busy = (_busy(psutil.cpu_times()) - _busy(before)) / (time.perf_counter() - start)
    return max(1, min(cores(), round(cores() - busy)))


def cores() -> int:
    """Gives the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def release_memory() -> None:
    """Gives freed memory back to the system, where the C library can: after a training glibc keeps over 100 MB."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def describe_device(name: str | None = None) -> str:
    """Gives one line about what models run on here: device, number format, cores."""
    device = choose_device(name)
    title = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    format_ = str(dtype_of("auto", device)).removeprefix("torch.")
    return f"{title}, matrix products in {format_}, {cores()} cores of which {free_threads()} free"


def use_free_threads() -> int:
    """Sets the threads that torch uses when called from this thread to `free_threads()`; gives their number.

    For the trainer, between two pieces of work; within one fit the number does not change, so that the same
    seed gives the same model.
    """
    threads = free_threads()
    torch.set_num_threads(threads)
    return threads


def _busy(times: object) -> float:
    return float(sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal")))

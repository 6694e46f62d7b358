"""Writing files so that a crash or a full disk leaves the old file or the new one, never half of one."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tyrogue.errors import ProjectError


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Gives a file that takes the name `path` when all went well, and vanishes when not."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with full_disk_explained(path):
        try:
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            rename(partial, path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Gives a folder that takes the name `path` when all went well, and vanishes when not."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    with full_disk_explained(path):
        try:
            partial.mkdir(parents=True)
            yield partial
            if path.exists():
                path.rename(old)
            rename(partial, path)
            shutil.rmtree(old, ignore_errors=True)
        except BaseException:
            if old.exists() and not path.exists():
                old.rename(path)
            shutil.rmtree(partial, ignore_errors=True)
            raise


def rename(partial: Path, path: Path) -> None:
    """Moves `partial` to `path` for good: the directory entry is on disk when this returns."""
    partial.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def full_disk_explained(path: Path) -> Iterator[None]:
    """Turns "no space left" of the system or of SQLite into a ProjectError that says what to do."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        if not _is_full(error):
            raise
        raise ProjectError(
            f"The disk is full: {path} could not be written ({error}). Nothing was left half-written. "
            f"Free some space on the disk of {path.parent} and run the same command again."
        ) from error


def _is_full(error: OSError | sqlite3.OperationalError) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return error.errno in (errno.ENOSPC, errno.EDQUOT)

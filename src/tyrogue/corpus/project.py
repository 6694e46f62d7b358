"""A project: the directory beside the file of texts that holds everything a session makes.

reviews.tyrogue/
  project.json    what was chosen: name, columns, classes, model, recipe, strategy, seed
  pool.sqlite     the texts (`tyrogue.corpus.sqlite`), and search.sqlite, which can be rebuilt
  labels.sqlite   the annotation journal, unless a database URL is given
  models/ cache/ logs/
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import tyrogue
from tyrogue.corpus.durable import replacing
from tyrogue.corpus.locking import Lock, locked
from tyrogue.errors import BadInput, Conflict, NewerProject, ProjectError

if TYPE_CHECKING:
    from tyrogue.corpus.sqlite import SqliteCorpus

FORMAT = 1
SUFFIX = ".tyrogue"
DATABASE_VARIABLE = "TYROGUE_DATABASE_URL"


@dataclass(frozen=True)
class Settings:
    """What project.json holds."""

    name: str
    created: str
    columns: Mapping[str, str | None] = field(default_factory=dict)
    """Which column of the file is text, text_pair, label, id."""
    classes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Model, recipe, strategy and whatever else the command line chose."""
    seed: int = 0
    database_url: str | None = None
    key: str = field(default_factory=lambda: token_hex(4))
    """Tells projects of one name apart: in a shared database, and in the browser."""
    version: str = tyrogue.__version__
    format: int = FORMAT


class Project:
    """A project directory. Everything it knows is on disk; `update` rewrites project.json atomically."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self._settings = path, settings

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        name: str | None = None,
        columns: Mapping[str, str | None] | None = None,
        classes: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
        seed: int = 0,
        database_url: str | None = None,
    ) -> Project:
        """Makes the directory, if there is none, and its project.json.

        Raises:
            Conflict: there is a project already.
        """
        path = Path(path).absolute()
        if is_project(path):
            raise Conflict(f"{path} is a project already. Open it, or choose another directory.")
        path.mkdir(parents=True, exist_ok=True)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        project = cls(
            path,
            Settings(
                name or path.stem,
                created,
                dict(columns or {}),
                tuple(classes),
                dict(settings or {}),
                seed,
                database_url,
            ),
        )
        project._write()
        return project

    @classmethod
    def open(cls, path: str | Path) -> Project:
        """Gives the project in the directory `path`.

        Raises:
            BadInput: there is no project there.
            NewerProject: a newer version of tyrogue wrote it.
            ProjectError: its project.json is damaged.
        """
        path = Path(path).absolute()
        if not is_project(path):
            raise BadInput(f"{path} is not a project directory.", remedy="Make one: tyrogue label FILE.")
        try:
            stored = json.loads((path / "project.json").read_text(encoding="utf-8"))
            _refuse_newer(path, stored)
            return cls(path, _settings(stored))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ProjectError(
                f"{path / 'project.json'} cannot be read ({error}). Restore it from a copy; the texts are intact."
            ) from error

    def update(self, **changes: Any) -> None:
        """Changes fields of project.json (name, columns, classes, settings, seed, database_url)."""
        if "settings" in changes:
            changes["settings"] = {**self.settings, **changes["settings"]}
        if "classes" in changes:
            changes["classes"] = tuple(changes["classes"])
        self._settings = replace(self._settings, **changes)
        self._write()

    @contextmanager
    def lock(self, url: str | None = None) -> Iterator[Lock]:
        """Holds the project for this process; ProjectInUse says where the other owner serves it."""
        with locked(self.path / "project.lock", f"The project {self.path}") as lock:
            if url:
                lock.announce(url)
            yield lock

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def key(self) -> str:
        """The name with a random part, so that two projects of one name may share a database."""
        return f"{self.name}-{self._settings.key}"

    @property
    def created(self) -> str:
        return self._settings.created

    @property
    def columns(self) -> Mapping[str, str | None]:
        return self._settings.columns

    @property
    def classes(self) -> tuple[str, ...]:
        return self._settings.classes

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._settings.settings

    @property
    def seed(self) -> int:
        return self._settings.seed

    @property
    def store_url(self) -> str:
        """The journal's database: TYROGUE_DATABASE_URL, else project.json's, else a file of the project."""
        given = os.environ.get(DATABASE_VARIABLE) or self._settings.database_url
        return given or f"sqlite:///{(self.path / 'labels.sqlite').as_posix()}"

    @property
    def pool_path(self) -> Path:
        return self.path / "pool.sqlite"

    @property
    def cache_dir(self) -> Path:
        return self._folder("cache")

    @property
    def models_dir(self) -> Path:
        return self._folder("models")

    @property
    def logs_dir(self) -> Path:
        return self._folder("logs")

    @cached_property
    def corpus(self) -> SqliteCorpus:
        """The texts. One object for the process; it may be used from any thread."""
        from tyrogue.corpus.sqlite import SqliteCorpus

        return SqliteCorpus(self.pool_path)

    def _folder(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def _write(self) -> None:
        with replacing(self.path / "project.json") as file:
            file.write(json.dumps(asdict(self._settings), indent=2, ensure_ascii=False).encode() + b"\n")


def is_project(path: str | Path) -> bool:
    """Whether there is a project in this directory."""
    return (Path(path) / "project.json").is_file()


def project_path_for(source: str | Path) -> Path:
    """Gives the project directory that belongs to a source: reviews.csv -> reviews.tyrogue beside it.

    A dataset of the hub (`owner/name`) gets its directory in the current one.
    """
    source = Path(source)
    if source.suffix == SUFFIX:
        return source.absolute()
    if not source.exists():
        return Path.cwd() / f"{_plain(source.name)}{SUFFIX}"
    resolved = source.absolute()
    return resolved.with_name((resolved.name if resolved.is_dir() else resolved.stem) + SUFFIX)


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in name) or "project"


def _settings(stored: Mapping[str, Any]) -> Settings:
    known = {key: value for key, value in stored.items() if key in Settings.__dataclass_fields__}
    return replace(Settings(**known), classes=tuple(stored.get("classes", ())))


def _refuse_newer(path: Path, stored: Mapping[str, Any]) -> None:
    if int(stored["format"]) > FORMAT:
        raise NewerProject(
            f"{path} was written by tyrogue {stored.get('version', 'of a newer version')} (format {stored['format']}); "
            f"this is {tyrogue.__version__} (format {FORMAT}). Upgrade: pip install --upgrade tyrogue"
        )

"""Importing a source of texts into a project, streaming, all or nothing."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from tyrogue.corpus.columns import Columns, recognise
from tyrogue.corpus.intake import GoldNames, Intake
from tyrogue.corpus.locking import locked
from tyrogue.corpus.project import Project, is_project
from tyrogue.corpus.schema import FORMAT
from tyrogue.corpus.sources import Source, open_source
from tyrogue.corpus.sqlite import SqliteCorpus
from tyrogue.corpus.writing import REFERENCE, Numbered, PoolWriter, RepeatedId
from tyrogue.errors import BadInput
from tyrogue.types import Text

Progress = Callable[[int, float], None]
"""Called with the rows read so far and the share of the source read (NaN when its size is unknown)."""
TokenLengths = Callable[[list[Text]], Sequence[int]]
"""Gives the length of each text in tokens, special tokens counted."""

_BATCH = 5_000
_LOOKED_AT = 200
_MANY_CLASSES = 200

T = TypeVar("T")


@dataclass(frozen=True)
class ImportReport:
    """What an import did."""

    rows_new: int
    rows_total: int
    duplicates: int
    """New rows whose text is in an earlier row; kept, and never asked about twice."""
    empty_skipped: int
    cut: int
    """New texts longer than the model reads; 0 when token lengths were not measured."""
    with_gold: int
    gold_counts: Mapping[str, int]
    seconds: float
    columns: Columns
    classes: tuple[str, ...] = ()
    known: int = 0
    """Rows of the source that the project had already."""
    changed: int = 0
    """Rows whose id the project has with another text; not imported."""
    cleaned: int = 0
    """Texts in which NUL bytes or half surrogate pairs were replaced by U+FFFD."""
    warnings: list[str] = field(default_factory=list)


def import_source(
    source: str | Path,
    project_dir: str | Path,
    *,
    text: str | None = None,
    text_pair: str | None = None,
    label: str | None = None,
    id: str | None = None,
    format: str | None = None,
    encoding: str | None = None,
    classes: Sequence[str] | None = None,
    reference: int = REFERENCE,
    seed: int = 0,
    progress: Progress | None = None,
    token_lengths: TokenLengths | None = None,
    max_tokens: int | None = None,
    index_search: bool = True,
) -> ImportReport:
    """Reads texts into the project's pool, and makes the project when there is none.

    What the pool has already (the same id; without ids, the same text as often) is left out, and rows that are
    there never change, so a source that has grown, or an import that was stopped, is simply imported again.

    Args:
        source: a CSV, TSV, JSON Lines, Parquet or text file, a folder (of .txt, of Parquet, saved dataset), or the
            name of a Hugging Face dataset, `owner/name:config@split`.
        project_dir: the project's directory.
        text, text_pair, label, id: columns; None to recognise them, "none" for no label or no id.
        format: csv, tsv, jsonl, txt, parquet or hf; None to tell by the name.
        encoding: of text files; None for UTF-8 and what a byte order mark names.
        classes: the only labels there may be, in order.
        reference: size of the sample that is kept aside (at most a tenth of the pool).
        seed: of that sample.
        progress: told how far it is.
        token_lengths: measures texts; lengths are stored with them.
        max_tokens: what the model reads of a text, to count those that it cuts.
        index_search: also bring the full-text index up to date; else the first search does.

    Raises:
        BadInput: the source is not what it should be; names file, line and remedy.
        MissingExtra: the source needs the package `datasets`.
        ProjectError: the disk is full.
        ProjectInUse: another import into this project is running.
    """
    start = time.perf_counter()
    project_dir = Path(project_dir).absolute()
    project = Project.open(project_dir) if is_project(project_dir) else None
    given = {"text": text, "text_pair": text_pair, "label": label, "id": id}
    reading = _Reading(open_source(source, format, encoding), given, project, tuple(classes or ()))
    with _all_or_nothing(project_dir), PoolWriter(project_dir / "pool.sqlite") as writer:
        reading.fill(writer, token_lengths, progress)
        counts, cut = writer.gold_counts(), writer.cut(max_tokens)
        names = _class_order(reading.classes, writer.facts.get("classes", ()), reading.declared, counts)
        facts: dict[str, Any] = {"format": FORMAT, "pair": reading.columns.text_pair is not None, "classes": names}
        if token_lengths is not None:
            facts["max_tokens"] = max_tokens
        writer.finish(source=reading.source.name, reference=reference, seed=seed, facts=facts)
        _remember(project_dir, project, reading.columns, names, seed)
    if index_search:
        _index(project_dir)
    return ImportReport(
        rows_new=writer.rows,
        rows_total=writer.first + writer.rows,
        duplicates=writer.duplicates,
        empty_skipped=reading.intake.empty,
        cut=cut,
        with_gold=reading.intake.with_gold,
        gold_counts={name: counts[name] for name in [*names, *sorted(set(counts) - set(names))] if name in counts},
        seconds=time.perf_counter() - start,
        columns=reading.columns,
        classes=names,
        known=writer.known,
        changed=writer.changed,
        cleaned=reading.intake.cleaned,
        warnings=[*reading.warnings, *_warnings(writer, reading, counts)],
    )


class _Reading:
    """A source on its way into a pool: opened, its columns known, its rows still to come."""

    def __init__(
        self, source: Source, given: dict[str, str | None], project: Project | None, classes: tuple[str, ...]
    ) -> None:
        self.source = source
        lines = source.lines()
        sample = list(islice(lines, _LOOKED_AT))
        if not sample:
            raise BadInput("holds no rows.", source=source.name, remedy="At least one text is needed.")
        given = _as_before(given, project, source)
        self.columns, guessed = recognise(source.name, source.columns, [values for _, values in sample], given)
        self.warnings = [*source.warnings, *guessed]
        self.classes = classes or (project.classes if project else ())
        self.declared = source.class_names.get(self.columns.label or "", ())
        self.intake = Intake(
            source.name,
            self.columns,
            GoldNames(source.name, self.columns.label, self.declared, self.classes, strict=bool(classes)),
        )
        self._lines = chain(sample, lines)

    def fill(self, writer: PoolWriter, token_lengths: TokenLengths | None, progress: Progress | None) -> None:
        """Moves all rows into the pool; BadInput when there are none with a text."""
        _refuse_other_kind(writer, self.columns, self.source.name)
        try:
            for batch in _batches(self.intake.entries(self._lines), _BATCH):
                writer.add(batch if token_lengths is None else _measured(batch, token_lengths))
                if progress is not None:
                    progress(self.intake.read, self.source.share())
        except RepeatedId as error:
            raise self._repeated(error) from error
        if self.intake.empty == self.intake.read:
            raise BadInput(
                f"all {self.intake.read} rows are empty in column {self.columns.text!r}.",
                source=self.source.name,
                remedy=f"Columns: {', '.join(self.source.columns)}. Name another: --text COLUMN.",
            )

    def _repeated(self, error: RepeatedId) -> BadInput:
        column = self.columns.id or ""
        first = next((line for line, values in self.source.lines() if str(values.get(column)) == error.own_id), None)
        return BadInput(
            f"the id {error.own_id!r} was in line {first} already.",
            source=self.source.name,
            line=error.line,
            remedy="Ids must differ: mend the file, name another column (--id COLUMN), or go without ids (--id none).",
        )


def _measured(batch: list[Numbered], token_lengths: TokenLengths) -> list[Numbered]:
    lengths = token_lengths([entry.content for _, entry in batch])
    return [(line, entry._replace(tokens=int(n))) for (line, entry), n in zip(batch, lengths, strict=True)]


def _index(project_dir: Path) -> None:
    corpus = SqliteCorpus(project_dir / "pool.sqlite")
    with suppress(sqlite3.OperationalError):  # a full disk: the texts are safe, and the first search tries again
        corpus.index_search()
    corpus.close()


def _as_before(given: dict[str, str | None], project: Project | None, source: Source) -> dict[str, str | None]:
    """Gives the columns that the first import chose, where nothing else is said and they are there."""
    if project is None or any(given.values()):
        return given
    before = {role: name for role, name in project.columns.items() if name is None or name in source.columns}
    if before.get("text") is None:
        return given
    return {role: before.get(role) or ("none" if role in before else None) for role in given}


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    items = iter(items)
    while batch := list(islice(items, size)):
        yield batch


@contextmanager
def _all_or_nothing(project_dir: Path) -> Iterator[None]:
    """Takes a project directory that this import made away again when the import fails."""
    made = not project_dir.exists()
    project_dir.mkdir(parents=True, exist_ok=True)
    try:
        with locked(project_dir / "import.lock", f"Importing into {project_dir}"):
            yield
    except BaseException:
        if made:
            shutil.rmtree(project_dir, ignore_errors=True)
        raise


def _refuse_other_kind(writer: PoolWriter, columns: Columns, source: str) -> None:
    if not writer.fresh and writer.facts["pair"] != (columns.text_pair is not None):
        has, comes = ("pairs of texts", "single texts") if writer.facts["pair"] else ("single texts", "pairs of texts")
        raise BadInput(
            f"holds {comes}, but the project holds {has}.",
            source=source,
            remedy="Make another project for it, or name the columns: --text COLUMN --text-pair COLUMN.",
        )


def _class_order(
    allowed: Sequence[str], before: Sequence[str], declared: Sequence[str], counts: Mapping[str, int]
) -> tuple[str, ...]:
    """Gives the classes: those of the user's list, of the dataset, else of the labels seen; earlier ones first."""
    known = tuple(dict.fromkeys([*allowed, *before, *declared]))
    extra = sorted(set(counts) - set(known))
    return (*known, *extra) if len(extra) <= _MANY_CLASSES else known


def _remember(
    project_dir: Path, project: Project | None, columns: Columns, classes: tuple[str, ...], seed: int
) -> None:
    if project is None:
        Project.create(project_dir, columns=columns.asdict(), classes=classes, seed=seed)
        return
    chosen = project.columns or columns.asdict()
    if (chosen, classes) != (project.columns, project.classes):
        project.update(columns=chosen, classes=classes)


def _warnings(writer: PoolWriter, reading: _Reading, counts: Mapping[str, int]) -> Iterator[str]:
    columns, intake = reading.columns, reading.intake
    if len(counts) == 1:
        only = next(iter(counts))
        yield f"All labels in column {columns.label!r} are {only!r}: with one class there is nothing to learn."
    if len(counts) > _MANY_CLASSES:
        yield f"Column {columns.label!r} has {len(counts):,} different values: is it the class? If not: --label none."
    if writer.changed:
        shown = ", ".join(map(repr, writer.changed_ids))
        yield (
            f"{writer.changed:,} rows have an id that the project has with another text ({shown}); they were not "
            "imported. If they are new texts, give them other ids or import them with --id none."
        )
    if intake.cleaned:
        yield f"In {intake.cleaned:,} texts NUL bytes or broken characters were replaced by U+FFFD."

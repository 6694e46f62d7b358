"""Who may come in: passwords as Argon2 wrote them, and secrets of which only the digest is kept.

Kinds of secret:
    invitation   lets its bearer in once; he then chooses a password
    link         lets its bearer in until it expires or is revoked
    session      what a browser holds after logging in
    token        what a program sends
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, insert, or_, select, update

from tyrogue.errors import Conflict, UsageError
from tyrogue.store import schema as s
from tyrogue.store.base import Base
from tyrogue.store.database import Tx
from tyrogue.store.plain import name_of
from tyrogue.store.records import Annotator, Credential

SECRETS = ("invitation", "link", "session", "token")

c, p = s.credentials, s.annotators


class Credentials(Base):
    def issue(self, name: str, kind: str, *, seconds: float, label: str | None = None) -> tuple[str, Credential]:
        """Gives a new secret of an annotator, this once, and what is kept of it.

        Raises:
            UsageError: no such kind, or a lifetime that is none.
            Conflict: there is no such annotator, or he has left.
        """
        if kind not in SECRETS or not 1 <= seconds <= 400 * 86_400:
            raise UsageError(
                f"A {kind} of {seconds:g} seconds cannot be made. Kinds: {', '.join(SECRETS)}; 1 second to 400 days."
            )
        secret = secrets.token_urlsafe(24)
        with self._write() as tx:
            who = _member(tx, name)
            values = {
                "project_id": tx.project,
                "annotator_id": who.id,
                "kind": kind,
                "digest": digest(secret),
                "label": label,
                "created": tx.now,
                "expires": tx.now + timedelta(seconds=seconds),
            }
            tx.run(insert(c).values(**values))
            return secret, _credential(tx.rows(_live(tx).where(c.c.digest == values["digest"]))[0])

    def whose(self, secret: str, *kinds: str, use_up: bool = False) -> Annotator | None:
        """Gives the annotator whom this secret lets in; None when it is none of these kinds, or is over.

        With `use_up` it lets nobody in any more: of two who use it at once, one gets in.
        """
        known = _live_secret(digest(secret), kinds)
        with self._write() if use_up else self._read() as tx:
            found = tx.first(known.where(c.c.project_id == tx.project, c.c.expires > tx.now))
            if found is None:
                return None
            mine = update(c).where(c.c.id == found.id, c.c.ended.is_(None))
            if use_up and not tx.run(mine.values(ended=tx.now)):
                return None
            return Annotator(found.annotator_id, found.name, found.role, found.password is not None)

    def end(self, *, secret: str | None = None, id: int | None = None, annotator: str | None = None) -> int:
        """Gives how many secrets let nobody in any more: this one, that of this number, or all of a person."""
        if (secret, id, annotator).count(None) != 2:
            raise UsageError("Say which secrets shall end: one secret, one number, or one annotator.")
        with self._write() as tx:
            ended = update(c).where(c.c.project_id == tx.project, c.c.ended.is_(None), c.c.expires > tx.now)
            if secret is not None:
                ended = ended.where(c.c.digest == digest(secret))
            elif id is not None:
                ended = ended.where(c.c.id == id)
            else:
                ended = ended.where(c.c.annotator_id == _member(tx, str(annotator)).id)
            return tx.run(ended.values(ended=tx.now))

    def credentials(self, *kinds: str) -> list[Credential]:
        """Gives the secrets (of these kinds) that let somebody in now, oldest first."""
        with self._read() as tx:
            wanted = _live(tx)
            if kinds:
                wanted = wanted.where(c.c.kind.in_(kinds))
            return [_credential(row) for row in tx.rows(wanted.order_by(c.c.id))]

    def password_of(self, name: str) -> str | None:
        """Gives the password of an annotator as Argon2 wrote it; None when there is none to log in with."""
        with self._read() as tx:
            wanted = select(p.c.password).where(p.c.project_id == tx.project, p.c.name == name, p.c.left.is_(None))
            found: str | None = tx.scalar(wanted)
            return found

    def set_password(self, name: str, hashed: str, *, keep: str | None = None) -> None:
        """Sets a password and ends the person's sessions, but for the one whose secret is `keep`: whoever knew the
        old password is out. Links and tokens, which need no password, go on."""
        with self._write() as tx:
            who = _member(tx, name)
            tx.run(update(p).where(p.c.id == who.id).values(password=hashed))
            mine = (c.c.annotator_id == who.id, c.c.kind == "session", c.c.ended.is_(None))
            stays = None if keep is None else digest(keep)
            tx.run(update(c).where(*mine, c.c.digest.is_distinct_from(stays)).values(ended=tx.now))

    def remove_annotator(self, name: str) -> None:
        """Takes a person off the team: nothing lets him in any more, what he has in hand returns to the queue, what
        he said stays."""
        with self._write() as tx:
            who = _member(tx, name)
            tx.run(update(p).where(p.c.id == who.id).values(left=tx.now, password=None))
            tx.run(update(c).where(c.c.annotator_id == who.id, c.c.ended.is_(None)).values(ended=tx.now))
            tx.run(s.reservations.delete().where(s.reservations.c.annotator_id == who.id))

    def welcome_back(self, name: str) -> None:
        """Takes somebody who had left onto the team again."""
        with self._write() as tx:
            mine = update(p).where(p.c.project_id == tx.project, p.c.name == name_of("annotator", name))
            tx.run(mine.values(left=None))

    def has_team(self) -> bool:
        """Whether anybody can log in: from then on everybody must."""
        with self._read() as tx:
            password = and_(p.c.password.is_not(None), p.c.left.is_(None))
            somebody = select(p.c.id).where(p.c.project_id == tx.project, password).limit(1)
            return tx.first(somebody) is not None or tx.first(_live(tx).limit(1)) is not None


def digest(secret: str) -> str:
    """Gives what is kept of a secret. Secrets have 192 random bits, so that a plain hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _member(tx: Tx, name: str) -> Row[Any]:
    found = tx.first(select(p).where(p.c.project_id == tx.project, p.c.name == name_of("annotator", name)))
    if found is None or found.left is not None:
        raise Conflict(f"There is nobody named {name!r} on the team. Invite him first: tyrogue invite PROJECT NAME")
    return found


def _live_secret(hashed: str, kinds: tuple[str, ...]) -> Select[Any]:
    return (
        select(c.c.id, c.c.annotator_id, p.c.name, p.c.role, p.c.password)
        .join(p, p.c.id == c.c.annotator_id)
        .where(c.c.digest == hashed, c.c.kind.in_(kinds), c.c.ended.is_(None), p.c.left.is_(None))
    )


def _live(tx: Tx) -> Select[Any]:
    lasting = or_(c.c.ended.is_(None), c.c.ended > tx.now)
    return (
        select(c, p.c.name, p.c.role)
        .join(p, p.c.id == c.c.annotator_id)
        .where(c.c.project_id == tx.project, c.c.expires > tx.now, lasting, p.c.left.is_(None))
    )


def _credential(row: Row[Any]) -> Credential:
    return Credential(row.id, row.name, row.role, row.kind, row.label, row.created, row.expires)

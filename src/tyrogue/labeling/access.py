"""Who is asking, and what he may do.

On a loopback address without a team whoever asks owns the project. Once somebody was invited, or where a token
protects the server, every request must say who it comes from: by the cookie of a session, or by a bearer token.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser

from tyrogue.store import Annotator, Store

COOKIE = "tyrogue_token"
SESSION = "tyrogue_session"
REMEMBERED_SECONDS = 2.0
"""For so long who a secret belongs to is not asked again; what another process revokes ends after it."""
MOST_REMEMBERED = 1_000
PREFIX = "/api"

ANNOTATOR, REVIEWER, OWNER = "annotator", "reviewer", "owner"
ANYONE = frozenset({ANNOTATOR, REVIEWER, OWNER, "nobody"})
MEMBERS = frozenset({ANNOTATOR, REVIEWER, OWNER})
REVIEWERS = frozenset({REVIEWER, OWNER})
OWNERS = frozenset({OWNER})

RULES: Mapping[str, frozenset[str]] = {
    "GET /api/health": ANYONE,
    "POST /api/login": ANYONE,
    "POST /api/login/link": ANYONE,
    "POST /api/login/invitation": ANYONE,
    "POST /api/logout": ANYONE,
    "GET /api/me": MEMBERS,
    "PUT /api/me/password": MEMBERS,
    "POST /api/me/tokens": MEMBERS,
    "POST /api/next": MEMBERS,
    "POST /api/annotations": MEMBERS,
    "POST /api/undo": MEMBERS,
    "GET /api/annotations": MEMBERS,
    "POST /api/items": MEMBERS,
    "GET /api/state": MEMBERS,
    "GET /api/rows/{row}": MEMBERS,
    "GET /api/search": MEMBERS,
    "GET /api/classes": MEMBERS,
    "GET /api/preview": MEMBERS,
    "GET /api/judgement": MEMBERS,
    "GET /api/texts": MEMBERS,
    "GET /api/items/{id}/why": MEMBERS,
    "GET /api/map": MEMBERS,
    "GET /api/map/marks": MEMBERS,
    "GET /api/map/opinions": MEMBERS,
    "GET /api/map/picks": MEMBERS,
    "POST /api/regions": MEMBERS,
    "POST /api/regions/queue": MEMBERS,
    "POST /api/regions/withdraw": MEMBERS,
    "GET /api/review": REVIEWERS,
    "GET /api/review/{row}": REVIEWERS,
    "POST /api/review/{row}": REVIEWERS,
    "GET /api/team": REVIEWERS,
    "GET /api/agreement": REVIEWERS,
    "GET /api/disagreements": REVIEWERS,
    "POST /api/adjudications": REVIEWERS,
    "GET /api/export": REVIEWERS,
    "POST /api/classes": OWNERS,
    "PATCH /api/classes/{class_id}": OWNERS,
    "POST /api/classes/{class_id}/merge": OWNERS,
    "PATCH /api/settings": OWNERS,
    "PUT /api/guidelines": OWNERS,
    "POST /api/promotion": OWNERS,
    "POST /api/autopilot": OWNERS,
    "POST /api/team/invitations": OWNERS,
    "PATCH /api/team/{person}": OWNERS,
    "DELETE /api/team/{person}": OWNERS,
    "DELETE /api/team/credentials/{credential}": OWNERS,
}
"""Who may call what. A route that is not here is for owners only, and a test asks for its line."""


@dataclass(frozen=True)
class Caller:
    """Who is asking.

    Attributes:
        name: of the annotator; None for the owner without an account, who says in whose name he labels.
        role: owner, reviewer, annotator, or nobody.
        login: how he came in: none (nobody has to), token (the server's own), account.
    """

    name: str | None
    role: str
    login: str

    def named(self, asked: str) -> str:
        """Gives the annotator in whose name a request acts.

        Raises:
            HTTPException: 403, when it names somebody else.
        """
        if self.name is None:
            return asked
        if asked not in ("me", self.name):
            raise HTTPException(403, f"You are logged in as {self.name}; nobody labels in the name of {asked}.")
        return self.name


OWNER_HERE = Caller(None, OWNER, "none")
OWNER_BY_TOKEN = Caller(None, OWNER, "token")
NOBODY = Caller(None, "nobody", "none")


class Door:
    """Knows who is asking.

    Args:
        store: the project's team.
        token: the server's own, which makes its bearer an owner; None where nobody needs one.

    Attributes:
        token: that one, or one made up for the owner's browser when the first invitation closes the door behind it.
    """

    def __init__(self, store: Store, token: str | None) -> None:
        self.store, self._required = store, token is not None
        self.token = token or secrets.token_urlsafe(24)
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Annotator | None]] = {}
        self._team: tuple[float, bool] = (-1.0, False)

    def caller(self, cookies: Mapping[str, str], bearer: str | None) -> Caller:
        """Gives who holds these; NOBODY when he must log in first."""
        if bearer is not None:
            return self._owner(bearer) or self._member(bearer, "token") or NOBODY
        session, token = cookies.get(SESSION), cookies.get(COOKIE)
        found = (session and self._member(session, "session")) or (token and self._owner(token))
        return found or (NOBODY if self.locked else OWNER_HERE)

    @property
    def locked(self) -> bool:
        """Whether one has to log in."""
        if self._required:
            return True
        now = time.monotonic()
        if now - self._team[0] > REMEMBERED_SECONDS or self._team[0] < 0:
            self._team = now, self.store.has_team()
        return self._team[1]

    def keep_locked(self) -> bool:
        """Whether one has to log in; where it is so now it stays so, though the last invitation or account ends."""
        self._required = self.locked
        return self._required

    def forget(self) -> None:
        """Asks the store again from now on: somebody came, went or was given another role."""
        with self._lock:
            self._known.clear()
        self._team = (-1.0, False)

    def is_own(self, token: str) -> bool:
        """Whether this is the server's own token."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def _owner(self, token: str) -> Caller | None:
        return OWNER_BY_TOKEN if self.is_own(token) else None

    def _member(self, secret: str, kind: str) -> Caller | None:
        who = self._whose(secret, kind)
        return None if who is None else Caller(who.name, who.role, "account")

    def _whose(self, secret: str, kind: str) -> Annotator | None:
        now, key = time.monotonic(), f"{kind} {secret}"
        with self._lock:
            known = self._known.get(key)
        if known is None or now - known[0] > REMEMBERED_SECONDS:
            known = now, self.store.whose(secret, kind)
            with self._lock:
                if len(self._known) >= MOST_REMEMBERED:
                    self._known.clear()
                self._known[key] = known
        return known[1]


def cookies_of(header: str) -> dict[str, str]:
    """Gives the cookies of a Cookie header."""
    return cookie_parser(header)


async def caller(request: Request) -> Caller:
    """Gives who is asking, as the guard before all routes found out."""
    found: Caller = request.scope["tyrogue.caller"]
    return found


async def admit(request: Request) -> None:
    """Lets through who may call this route.

    Raises:
        HTTPException: 401 when a login may help, 403 when it cannot.
    """
    who: Caller = request.scope["tyrogue.caller"]
    path = request.scope["route"].path.removeprefix(PREFIX)  # some versions of FastAPI leave the prefix out
    allowed = RULES.get(f"{request.method} {PREFIX}{path}", OWNERS)
    if who.role in allowed:
        return
    if who.role == "nobody":
        raise unknown()
    raise HTTPException(403, f"This is for {' and '.join(sorted(allowed))}s; you are {who.role} here.")


def unknown() -> HTTPException:
    """Gives the refusal of somebody who is not known."""
    return HTTPException(
        401,
        "Log in first: with your name and password, with the link you were given, or with the link with ?token=... "
        "that the server printed when it started. Programs send Authorization: Bearer TOKEN.",
        headers={"WWW-Authenticate": "Bearer"},
    )


ADMITTED = Depends(admit)

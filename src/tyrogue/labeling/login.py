"""Coming in and going out: passwords, links, sessions, tokens of programs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from tyrogue.errors import UsageError
from tyrogue.labeling import schemas
from tyrogue.labeling.access import COOKIE, SESSION, Caller, Door, caller
from tyrogue.labeling.passwords import MOST_COUNTED, Guesses, fits, hashed
from tyrogue.labeling.security import put_cookie, whole
from tyrogue.store import Annotator, Store

SESSION_SECONDS = 14 * 86_400
DAY = 86_400
Json = dict[str, Any]
Who = Annotated[Caller, Depends(caller)]


class Attempts:
    """How often one may try to come in: under a name from an address, from an address, and under a name from all
    addresses together, so that many machines guess one password no faster.

    The last limit is not for those who have logged in from where they are: whoever guesses a name elsewhere keeps
    nobody out of his usual place. It does not count invitations and links either, which cannot be guessed.
    """

    def __init__(self) -> None:
        self.there, self.address, self.name = Guesses(5, 60), Guesses(30, 60), Guesses(20, 60)
        self._familiar: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def limits(self, address: str, name: str, *, password: bool) -> list[tuple[Guesses, str]]:
        """Gives what counts an attempt, and as whose."""
        there = f"{address} {name}"
        counted = [(self.there, there), (self.address, address)]
        if password and there not in self._familiar:
            counted.append((self.name, name))
        return counted

    def know(self, address: str, name: str) -> None:
        """Notes that somebody came in under this name from this address."""
        with self._lock:
            self._familiar[f"{address} {name}"] = None
            self._familiar.move_to_end(f"{address} {name}")
            if len(self._familiar) > MOST_COUNTED:
                self._familiar.popitem(last=False)


class Attempt:
    """One attempt to come in, counted as a failure until it has succeeded.

    Raises:
        HTTPException: 429, when it is too early.
    """

    def __init__(self, attempts: Attempts, request: Request, name: str, *, password: bool = False) -> None:
        self._attempts, self._address = attempts, request.client.host if request.client else ""
        self._reserved: list[tuple[Guesses, str]] = []
        for counted, who in attempts.limits(self._address, name, password=password):
            if pause := counted.reserve(who):
                self._give_back()
                raise _wait(pause)
            self._reserved.append((counted, who))

    def succeeded(self, name: str) -> None:
        """Counts it no more: it was this person's."""
        self._give_back()
        self._attempts.know(self._address, name)

    def _give_back(self) -> None:
        for counted, who in self._reserved:
            counted.give_back(who)


def login_routes(store: Store) -> APIRouter:
    """Gives the routes by which people come in."""
    routes = APIRouter(tags=["login"])
    attempts = Attempts()

    @routes.post("/login")
    def login(body: schemas.Login, request: Request, response: Response) -> Json:
        """Logs in by name and password; the answer sets a session cookie."""
        attempt = Attempt(attempts, request, body.name, password=True)
        if not fits(body.password, store.password_of(body.name)):
            raise HTTPException(401, "Name or password is wrong. Who has neither asks an owner for a new invitation.")
        attempt.succeeded(body.name)
        return _enter(store, store.annotator(body.name), request, response)

    @routes.post("/login/link")
    def link(body: schemas.Link, request: Request, response: Response) -> Json:
        """Logs in by a personal link."""
        attempt = Attempt(attempts, request, "link")
        who = store.whose(body.secret, "link")
        if who is None:
            raise HTTPException(401, "This link is over. Ask an owner of the project for a new one.")
        attempt.succeeded(who.name)
        return _enter(store, who, request, response)

    @routes.post("/login/invitation")
    def accept(body: schemas.Invitation, request: Request, response: Response) -> Json:
        """Takes up an invitation, once, and sets the password."""
        attempt = Attempt(attempts, request, "invitation")
        who = store.whose(body.secret, "invitation", use_up=True)
        if who is None:
            raise HTTPException(401, "This invitation was used or is over. Log in, or ask an owner for a new one.")
        attempt.succeeded(who.name)
        store.set_password(who.name, hashed(body.password))
        return _enter(store, who, request, response)

    @routes.post("/logout")
    def logout(request: Request, response: Response) -> Json:
        """Ends this browser's session."""
        if secret := request.cookies.get(SESSION):
            store.end(secret=secret)
        _door(request).forget()
        for cookie in (SESSION, COOKIE):
            response.delete_cookie(cookie, path="/", httponly=True, samesite="strict")
        return {"name": None, "role": "nobody", "login": "none"}

    return routes


def own_routes(store: Store) -> APIRouter:
    """Gives the routes by which those who are in look after their account."""
    routes = APIRouter(tags=["login"])
    guesses = Guesses(most=5, seconds=60)

    @routes.get("/me")
    def me(who: Who) -> Json:
        """Says who is logged in."""
        return {"name": who.name, "role": who.role, "login": who.login}

    @routes.put("/me/password")
    def password(body: schemas.NewPassword, who: Who, request: Request) -> Json:
        """Sets one's password and ends one's other sessions; asks for the old password where there is one."""
        if who.name is None:
            raise UsageError("Only people with an account have a password. Invite yourself: tyrogue invite.")
        if pause := guesses.reserve(who.name):
            raise _wait(pause)
        stored = store.password_of(who.name)
        if stored is not None and not fits(body.old or "", stored):
            raise HTTPException(403, "The old password is wrong.")
        guesses.give_back(who.name)
        store.set_password(who.name, hashed(body.new), keep=request.cookies.get(SESSION))
        _door(request).forget()
        return {"name": who.name}

    @routes.post("/me/tokens", status_code=201)
    def token(body: schemas.NewToken, who: Who) -> Json:
        """Makes a token for a program, told this once."""
        name = who.named(body.annotator)
        secret, kept = store.issue(name, "token", seconds=body.days * DAY, label=body.label)
        return {"token": secret, "id": kept.id, "annotator": name, "expires": kept.expires.isoformat()}

    return routes


def _enter(store: Store, who: Annotator, request: Request, response: Response) -> Json:
    secret, _ = store.issue(who.name, "session", seconds=SESSION_SECONDS)
    put_cookie(response, request.scope, SESSION, secret, seconds=SESSION_SECONDS)
    _door(request).forget()
    return {"name": who.name, "role": who.role, "login": "account"}


def _wait(seconds: float) -> HTTPException:
    detail = f"Too many attempts. Try again in {whole(seconds)} s."
    return HTTPException(429, detail, headers={"Retry-After": str(whole(seconds))})


def _door(request: Request) -> Door:
    found: Door = request.scope["tyrogue.door"]
    return found

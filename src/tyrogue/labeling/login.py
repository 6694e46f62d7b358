"""Coming in and going out: passwords, links, sessions, tokens of programs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from tyrogue.errors import UsageError
from tyrogue.labeling import schemas
from tyrogue.labeling.access import COOKIE, SESSION, Caller, Door, caller
from tyrogue.labeling.passwords import Guesses, fits, hashed
from tyrogue.labeling.security import put_cookie, whole
from tyrogue.store import Annotator, Store

SESSION_SECONDS = 14 * 86_400
DAY = 86_400
Json = dict[str, Any]
Who = Annotated[Caller, Depends(caller)]


class Attempt:
    """One attempt to come in. Who failed too often, under a name or from an address, has to wait.

    Raises:
        HTTPException: 429, when it is too early.
    """

    def __init__(self, guesses: tuple[Guesses, Guesses], request: Request, name: str) -> None:
        address = request.client.host if request.client else ""
        self._guesses = tuple(zip(guesses, (f"{address} {name}", address), strict=True))
        if pause := max(counted.wait(who) for counted, who in self._guesses):
            raise _wait(pause)

    def failed(self, detail: str) -> HTTPException:
        """Counts the failure and gives the refusal."""
        for counted, who in self._guesses:
            counted.failed(who)
        return HTTPException(401, detail)


def login_routes(store: Store) -> APIRouter:
    """Gives the routes by which people come in."""
    routes = APIRouter(tags=["login"])
    guesses = Guesses(most=5, seconds=60), Guesses(most=30, seconds=60)

    @routes.post("/login")
    def login(body: schemas.Login, request: Request, response: Response) -> Json:
        """Logs in by name and password; the answer sets a session cookie."""
        attempt = Attempt(guesses, request, body.name)
        stored = store.password_of(body.name)
        if not fits(body.password, stored):
            raise attempt.failed("Name or password is wrong. Who has neither asks an owner for a new invitation.")
        return _enter(store, store.annotator(body.name), request, response)

    @routes.post("/login/link")
    def link(body: schemas.Link, request: Request, response: Response) -> Json:
        """Logs in by a personal link."""
        attempt = Attempt(guesses, request, "link")
        who = store.whose(body.secret, "link")
        if who is None:
            raise attempt.failed("This link is over. Ask an owner of the project for a new one.")
        return _enter(store, who, request, response)

    @routes.post("/login/invitation")
    def accept(body: schemas.Invitation, request: Request, response: Response) -> Json:
        """Takes up an invitation, once, and sets the password."""
        attempt = Attempt(guesses, request, "invitation")
        who = store.whose(body.secret, "invitation", use_up=True)
        if who is None:
            raise attempt.failed("This invitation was used or is over. Log in, or ask an owner for a new one.")
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
    def password(body: schemas.NewPassword, who: Who) -> Json:
        """Sets one's password; asks for the old one where there is one."""
        if who.name is None:
            raise UsageError("Only people with an account have a password. Invite yourself: tyrogue invite.")
        if pause := guesses.wait(who.name):
            raise _wait(pause)
        stored = store.password_of(who.name)
        if stored is not None and not fits(body.old or "", stored):
            guesses.failed(who.name)
            raise HTTPException(403, "The old password is wrong.")
        store.set_password(who.name, hashed(body.new))
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

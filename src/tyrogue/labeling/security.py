"""What no request may do, whoever sends it: the guard before every route.

A page of another origin must not be able to label in the user's name: what changes something needs a header that
such a page cannot send, its Origin must be ours, and the Host must be one that this server was told to be.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tyrogue.errors import UsageError
from tyrogue.labeling.access import COOKIE, NOBODY, Door, cookies_of
from tyrogue.labeling.passwords import Guesses

HEADER = "x-tyrogue"
LARGEST_BODY = 1_000_000
READING = ("GET", "HEAD", "OPTIONS")

POLICY = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def token_for(host: str, given: str | None, *, team: bool = False) -> str | None:
    """Gives the token that makes its bearer an owner; none on a loopback address without a team, unless given.

    Raises:
        UsageError: the address can be reached by others and the token given is too short to protect it.
    """
    if given is not None and len(given) < 12:
        raise UsageError(
            f"A token of {len(given)} characters can be guessed; give at least 12, or none to have one made."
        )
    if given is None and (team or not is_loopback(host)):
        return secrets.token_urlsafe(24)
    return given


def problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Gives an error as application/problem+json (RFC 9457)."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status_code=status, media_type="application/problem+json", headers=headers)


def protect(app: FastAPI, door: Door, *, host: str, names: Collection[str] = ()) -> None:
    """Puts the checks before every route and the policy on every answer.

    Args:
        door: knows who is asking.
        host: the address it is served on.
        names: other hosts that it answers to, as a proxy before it is called.

    Raises:
        UsageError: others can reach the address, and nobody would have to log in.
    """
    if (not is_loopback(host) or names) and not door.keep_locked():
        raise UsageError(
            f"On {host} anybody who can reach this machine could read and label. Give a token (--token, at least 12 "
            "characters), invite somebody (tyrogue invite), or serve on 127.0.0.1."
        )
    app.add_middleware(Guard, door=door, host=host, names=frozenset(name.lower() for name in names))


class Guard:
    """The checks, as ASGI middleware: what they refuse reaches no route."""

    def __init__(self, app: ASGIApp, *, door: Door, host: str, names: frozenset[str]) -> None:
        self.app, self.door, self.host, self.names = app, door, host, names
        self.wrong = Guesses(most=30, seconds=60)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = self._refusal(scope) or self._welcome(scope) or await self._identify(scope)
        await (answer or self.app)(scope, receive, _with_policy(scope["path"], send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers, changes = Headers(scope=scope), scope["method"] not in READING
        host = host_of(headers.get("host", ""))
        if is_loopback(self.host) and not is_loopback(host) and host not in self.names:
            return problem(421, "Misdirected request", f"This server answers as {self.host}, not as another host.")
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            return problem(400, "Bad request", "The Content-Length is no number.")
        if int(length) > LARGEST_BODY:
            return problem(413, "Too large", f"A request may hold {LARGEST_BODY} bytes.")
        if "chunked" in headers.get("transfer-encoding", ""):
            return problem(411, "Length needed", "Send the body with a Content-Length.")
        if changes and HEADER not in headers:
            return problem(403, "Header missing", "Requests that change something must carry the header X-Tyrogue: 1.")
        origin = headers.get("origin")
        if changes and origin is not None and origin.partition("://")[2] != headers.get("host", ""):
            return problem(403, "Another origin", "Requests that change something must come from this server's page.")
        return None

    def _welcome(self, scope: Scope) -> Response | None:
        """The link with the token in it: the token moves into a cookie and out of the address bar."""
        asked = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        given = asked.pop("token", None)
        if given is None or scope["path"] != "/" or not self.door.is_own(given):
            return None
        answer = RedirectResponse("/" + (f"?{urlencode(asked)}" if asked else ""), status_code=303)
        put_cookie(answer, scope, COOKIE, given, seconds=30 * 86_400)
        return answer

    async def _identify(self, scope: Scope) -> Response | None:
        scope["tyrogue.caller"], scope["tyrogue.door"] = NOBODY, self.door
        if not scope["path"].startswith("/api/"):
            return None
        headers = Headers(scope=scope)
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        given = bearer.strip() if kind.lower() == "bearer" else None
        address = (scope.get("client") or ("",))[0]
        # Not reserved as for passwords: a program may have many requests on the way, and tokens are long.
        if given is not None and (pause := self.wrong.wait(address)):
            return too_many(pause)
        cookies = cookies_of(headers.get("cookie", ""))
        scope["tyrogue.caller"] = found = await run_in_threadpool(self.door.caller, cookies, given)
        if given is not None and found is NOBODY:
            self.wrong.failed(address)
        return None


def host_of(header: str) -> str:
    """Gives the host of a Host header, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def put_cookie(answer: Response, scope: Scope, name: str, value: str, *, seconds: int) -> None:
    """Sets a cookie that no script reads and no other site sends; behind https it stays there."""
    secure = scope.get("scheme") == "https"
    answer.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="strict", secure=secure)


def too_many(seconds: float) -> JSONResponse:
    """Gives the refusal of somebody who guesses."""
    wait = whole(seconds)
    return problem(429, "Too many attempts", f"Try again in {wait} s.", {"Retry-After": str(wait)})


def whole(seconds: float) -> int:
    """Gives seconds to wait, as they are told."""
    return max(1, round(seconds))


def _with_policy(path: str, send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in POLICY.items():
                headers.setdefault(name, value)
            if path.startswith("/api/"):
                headers["Cache-Control"] = "no-store"
        await send(message)

    return sent

"""Who may ask: on a loopback address this machine; anywhere else whoever holds the token.

A page of another origin must not be able to label in the user's name: what changes something needs a header that
such a page cannot send, and the Host must be one that this server was told to be.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from tyrogue.errors import UsageError

COOKIE = "tyrogue_token"
HEADER = "x-tyrogue"
LARGEST_BODY = 1_000_000

POLICY = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
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


def token_for(host: str, given: str | None) -> str | None:
    """Gives the token that requests must carry; none on a loopback address unless one was given.

    Raises:
        UsageError: the address can be reached by others and the token given is too short to protect it.
    """
    if given is not None and len(given) < 12:
        raise UsageError(
            f"A token of {len(given)} characters can be guessed; give at least 12, or none to have one made."
        )
    if given is None and not is_loopback(host):
        return secrets.token_urlsafe(24)
    return given


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """Gives an error as application/problem+json (RFC 9457)."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def protect(app: FastAPI, *, host: str, token: str | None) -> None:
    """Puts the checks before every route and the policy on every answer."""

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        answer = _refusal(request, host, token) or _welcome(request, token) or await call_next(request)
        for name, value in POLICY.items():
            answer.headers.setdefault(name, value)
        if request.url.path.startswith("/api/"):
            answer.headers["Cache-Control"] = "no-store"
        return answer


def _refusal(request: Request, host: str, token: str | None) -> Response | None:
    if is_loopback(host) and not is_loopback(_host_of(request)):
        return problem(421, "Misdirected request", f"This server answers on {host} only; it was asked as another host.")
    if int(request.headers.get("content-length") or 0) > LARGEST_BODY:
        return problem(413, "Too large", f"A request may hold {LARGEST_BODY} bytes.")
    if "chunked" in request.headers.get("transfer-encoding", ""):
        return problem(411, "Length needed", "Send the body with a Content-Length.")
    if request.url.path.startswith("/api/") and token is not None and not _knows(request, token):
        return problem(401, "Token needed", "Open the link with ?token=... that the server printed when it started.")
    if request.method not in ("GET", "HEAD", "OPTIONS") and HEADER not in request.headers:
        return problem(403, "Header missing", "Requests that change something must carry the header X-Tyrogue: 1.")
    return None


def _welcome(request: Request, token: str | None) -> Response | None:
    """The link with the token in it: the token moves into a cookie and out of the address bar."""
    given = request.query_params.get("token")
    if (
        token is None
        or given is None
        or request.url.path != "/"
        or not hmac.compare_digest(given.encode(), token.encode())
    ):
        return None
    others = request.url.remove_query_params("token").query
    answer = RedirectResponse("/" + (f"?{others}" if others else ""), status_code=303)
    answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", max_age=30 * 86400)
    return answer


def _knows(request: Request, token: str) -> bool:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    given = (request.cookies.get(COOKIE, ""), bearer)
    return any(hmac.compare_digest(one.encode(), token.encode()) for one in given)


def _host_of(request: Request) -> str:
    return (request.url.hostname or "").strip("[]")

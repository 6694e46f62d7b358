"""Requests that nobody would send, made from the server's own description, by everybody who can send them: no answer
may be a 5xx, and none may be given to who must not have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from desk import OWNERS_TOKEN, client_of, make_desk
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings

from tyrogue.labeling.access import RULES
from tyrogue.labeling.app import create_app
from tyrogue.store import Store

schemathesis: Any = pytest.importorskip("schemathesis")
EXAMPLES = 12
SETTLED = ("host", "authorization", "cookie")  # who asks is settled
SLOW = ("POST /api/login", "POST /api/login/invitation")  # a hash for each guess

MODES = list(schemathesis.GenerationMode)
CALLS = [(call, mode) for call in sorted(RULES) for mode in MODES]
CALLS.remove(("GET /api/health", schemathesis.GenerationMode.NEGATIVE))  # nothing about it can be wrong


class Fuzzed(NamedTuple):
    """One project for all calls: what one of them leaves behind, the next ones meet."""

    store: Store
    owner: TestClient
    annotator: TestClient
    anonymous: TestClient
    schema: Any


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    desk = make_desk(tmp_path_factory.mktemp("fuzz"))
    desk.client.app = create_app(desk.engine, token=OWNERS_TOKEN)
    # Addresses of their own: who is refused too often keeps none of the others out.
    owner, hers, anonymous = (client_of(desk, address=f"10.0.0.{n}") for n in range(3))
    owner.headers["Authorization"] = f"Bearer {OWNERS_TOKEN}"
    schema = schemathesis.openapi.from_dict(owner.get("/openapi.json").json())
    with owner:
        hers.portal = anonymous.portal = owner.portal  # one event loop for all, not a new one for each request
        yield Fuzzed(desk.store, owner, hers, anonymous, schema)
    desk.store.close()


def annotator(fuzzed: Fuzzed) -> str:
    """Gives the token of an annotator, put on the team anew: a request before may have thrown him out."""
    fuzzed.store.annotator("Ada")
    fuzzed.store.welcome_back("Ada")
    fuzzed.store.set_role("Ada", "annotator")
    return fuzzed.store.issue("Ada", "token", seconds=3600)[0]


@pytest.mark.parametrize(("call", "mode"), CALLS)
def test_no_request_breaks_the_server(fuzzed: Fuzzed, call: str, mode: Any) -> None:
    method, path = call.split()
    operation, hers = fuzzed.schema[path][method], {"Authorization": f"Bearer {annotator(fuzzed)}"}
    senders: list[tuple[str, TestClient, dict[str, str]]] = [
        ("nobody", fuzzed.anonymous, {}), ("annotator", fuzzed.annotator, hers), ("owner", fuzzed.owner, {}),
    ]  # fmt: skip

    @seed(7)
    @settings(
        max_examples=2 if call in SLOW else EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def fuzz(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://127.0.0.1")
        given = {name: sent[name] for name in ("json", "data", "content") if sent.get(name) is not None}
        body = {("content" if isinstance(value, bytes | str) else name): value for name, value in given.items()}
        headers = {name: value for name, value in (sent.get("headers") or {}).items() if name.lower() not in SETTLED}
        for role, client, login in senders:
            client.cookies.clear()
            answer = client.request(
                sent["method"], sent["url"], params=sent.get("params"), headers=headers | login, **body
            )
            said = f"{call} by {role}: {answer.status_code} {answer.text[:500]}"
            assert answer.status_code < 500, said
            assert answer.status_code >= 400 or role in RULES[call], said
            if role == "annotator" and answer.status_code == 401:  # the owner threw her out
                hers["Authorization"] = f"Bearer {annotator(fuzzed)}"
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json", said
                assert answer.json()["detail"]

    fuzz()


def test_every_role_got_somewhere(fuzzed: Fuzzed) -> None:
    """Had every request been refused for its sender, the tests above would say nothing."""
    hers = {"Authorization": f"Bearer {annotator(fuzzed)}"}
    assert fuzzed.owner.get("/api/team").status_code == 200
    assert fuzzed.annotator.get("/api/state", headers=hers).json()["me"]["role"] == "annotator"
    assert fuzzed.anonymous.get("/api/state").status_code == 401

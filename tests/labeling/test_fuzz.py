"""Requests that nobody would send, made from the server's own description: no answer may be a 5xx."""

from __future__ import annotations

from typing import Any

import pytest
from desk import Desk
from hypothesis import HealthCheck, Phase, given, seed, settings

from tyrogue.labeling.access import RULES

schemathesis: Any = pytest.importorskip("schemathesis")
EXAMPLES = 6
SETTLED = ("host", "authorization", "cookie")  # who asks is settled: the owner, who may do everything
SLOW = ("POST /api/login", "POST /api/login/invitation")  # a hash for each guess


MODES = list(schemathesis.GenerationMode)
CALLS = [(call, mode) for call in sorted(RULES) for mode in MODES]
CALLS.remove(("GET /api/health", schemathesis.GenerationMode.NEGATIVE))  # nothing about it can be wrong


@pytest.mark.parametrize(("call", "mode"), CALLS)
def test_no_request_breaks_the_server(desk: Desk, call: str, mode: Any) -> None:
    schema = schemathesis.openapi.from_dict(desk.client.get("/openapi.json").json())
    method, path = call.split()
    operation = schema[path][method]

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
        answer = desk.client.request(sent["method"], sent["url"], params=sent.get("params"), headers=headers, **body)
        assert answer.status_code < 500, f"{call}: {answer.status_code} {answer.text[:500]}"
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", answer.text[:200]
            assert answer.json()["detail"]

    fuzz()

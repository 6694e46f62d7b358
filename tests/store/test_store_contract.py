from __future__ import annotations

from collections.abc import Callable

import pytest

from tyrogue.testing.stores import STORE_CONTRACT, Bench


@pytest.mark.parametrize("check", STORE_CONTRACT, ids=lambda check: check.__name__.removeprefix("check_"))
def test_contract(bench: Bench, check: Callable[[Bench], None]) -> None:
    check(bench)

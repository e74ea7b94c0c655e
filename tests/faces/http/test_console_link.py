"""Links into the console, as the API makes them."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from allstop.domain.principal import Principal
from allstop.faces.http.app import HttpFace
from tests.faces.http.house import OWNER, bearer, build, memory


@pytest.mark.parametrize(
    ("body", "halting"), [({}, False), ({"halting": False}, False), ({"halting": True}, True)]
)
async def test_a_link_is_made_for_whoever_asks(
    tmp_path: Path, body: dict[str, Any], halting: bool
) -> None:
    made: list[tuple[str, bool]] = []

    def link(who: Principal, for_halting: bool) -> str:
        made.append((str(who), for_halting))
        return "http://testserver/enter?code=x"

    coordinator = await build(tmp_path, memory())
    secret, _ = await coordinator.access.issue(OWNER)
    face = HttpFace(
        coordinator, lambda: None, console_link=link, allowed_hosts=["testserver"]
    )  # fmt: skip
    transport = httpx.ASGITransport(app=face)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://testserver", headers=bearer(secret)
    ) as asking:
        answer = await asking.post("/api/v1/console-link", json=body)
        wrong = await asking.post("/api/v1/console-link", json={"halting": "yes"})
    assert (answer.status_code, answer.json()) == (200, {"url": "http://testserver/enter?code=x"})
    assert made == [(OWNER, halting)]
    assert wrong.status_code == 422
    assert not coordinator.post.world.halts

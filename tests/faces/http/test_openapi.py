"""The OpenAPI document tells the truth: every route is in it, and every answer is as it says."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import Route

from allstop.faces.http.app import HttpFace
from allstop.faces.http.operations import OPERATIONS
from tests.faces.http.house import OWNER, bearer, build, memory

ROOT = Path(__file__).parents[3]
# Would end the stream of examples: one never ends, the other ends the process.
LEFT_OUT = {"events", "down"}
Asking = Callable[..., httpx.Response]


async def face(tmp_path: Path) -> tuple[HttpFace, str]:
    coordinator = await build(tmp_path, memory())
    secret, _ = await coordinator.access.issue(OWNER)
    return HttpFace(
        coordinator, lambda: None, console_link=lambda who, halting: f"http://testserver/in?{who}&{halting}",
        allowed_hosts=["testserver"],
    ), secret  # fmt: skip


def client(app: HttpFace, secret: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(
        transport=transport, base_url="http://testserver", headers=bearer(secret)
    )


async def test_every_route_is_in_the_document(tmp_path: Path) -> None:
    app, secret = await face(tmp_path)
    async with client(app, secret) as asking:
        answer = await asking.get("/openapi.json")
    found: dict[str, Any] = answer.json()
    assert found["openapi"] == "3.1.0"
    described = {
        (method.upper(), path) for path, methods in found["paths"].items() for method in methods
    }
    table = {(one.method, one.path) for one in OPERATIONS} | {("GET", "/openapi.json")}
    assert described == table
    assert len({one.id for one in OPERATIONS}) == len(OPERATIONS)
    routes = _routes(app)
    assert {
        (method, path) for path, methods in routes.items() for method in methods - {"HEAD"}
    } == table
    commands = [one for one in OPERATIONS if one.keyed]
    for one in commands:
        parameters = found["paths"][one.path][one.method.lower()]["parameters"]
        assert "Idempotency-Key" in {parameter["name"] for parameter in parameters}


def _routes(app: HttpFace) -> dict[str, set[str]]:
    inner: Any = app._app
    while not hasattr(inner, "routes"):
        inner = inner._app
    return {
        route.path: set(route.methods or ()) for route in inner.routes if isinstance(route, Route)
    }


def test_the_page_names_every_operation() -> None:
    page = (ROOT / "docs" / "http-api.md").read_text("utf-8")
    missing = [
        one.id for one in OPERATIONS if f"| `{one.id}` | `{one.method} {one.path}` |" not in page
    ]
    assert not missing


OFFERED = [one.id for one in OPERATIONS if one.id not in LEFT_OUT]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    """A face with something in it, asked in-process and in a loop of its own."""
    loop = asyncio.new_event_loop()
    app, secret = loop.run_until_complete(face(tmp_path))

    async def send(**given: Any) -> httpx.Response:
        async with client(app, secret) as browser:
            return await browser.request(**given)

    def ask(**given: Any) -> httpx.Response:
        return loop.run_until_complete(send(**given))

    ask(method="POST", url="/api/v1/incidents", json={"title": "x", "services": ["payments"]})
    ask(method="POST", url="/api/v1/halts", json={"scope": "all", "reason": "x"})
    yield ask
    loop.close()


@pytest.mark.parametrize("name", OFFERED)
def test_answers_are_as_the_document_says(asking: Asking, name: str) -> None:
    document = asking(method="GET", url="/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document).include(operation_id=name)
    (found,) = schema.get_all_operations()
    operation: Any = found.ok()  # type: ignore[union-attr]

    @settings(
        max_examples=15, deadline=None, database=None, derandomize=True,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def as_it_says(case: Any) -> None:
        request = case.as_transport_kwargs(base_url="http://testserver")
        request.pop("cookies", None)
        case.validate_response(asking(**request), checks=CHECKS)

    as_it_says()

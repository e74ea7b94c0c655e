"""Signing in and out, one-time links, limits, and who may send the forms."""

import pytest

from allstop.domain.principal import Kind, Principal
from allstop.faces.web import Sessions
from tests.faces.web.conftest import BASE, Console, console_of
from tests.faces.web.scenes import calm
from tests.faces.web.stage import ADA, GRACE

MINUTE = 60_000


@pytest.fixture
async def console() -> Console:
    """Nobody is signed in."""
    return console_of(await calm())


async def token(console: Console, who: str = "person:ada") -> str:
    return (await console.stage.coordinator.access.issue(who))[0]


async def test_a_token_opens_a_session(console: Console) -> None:
    secret = await token(console)
    response = await console.client.post("/sign-in", data={"token": secret, "next": "/services"})
    assert (response.status_code, response.headers["location"]) == (303, "/services")
    cookie = response.headers["set-cookie"]
    assert secret not in cookie
    assert cookie.startswith("allstop-session-8700=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie
    page = await console.get("/")
    assert "person:ada" in page.select(".foot")[0].get_text()


async def test_over_tls_the_cookie_is_bound_to_the_host(console: Console) -> None:
    secret = await token(console)
    response = await console.client.post("https://ops.example/sign-in", data={"token": secret})
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-allstop-session=")
    assert "Secure" in cookie
    assert "Domain" not in cookie


async def test_a_wrong_token_is_told_what_to_do(console: Console) -> None:
    page = await console.client.post("/sign-in", data={"token": "allstop_guess"})
    assert page.status_code == 401
    assert "set-cookie" not in page.headers
    assert "this token is unknown, revoked or expired" in page.text
    assert "allstop token new person:NAME" in page.text


async def test_a_stranger_is_asked_to_sign_in_and_comes_back(console: Console) -> None:
    page = await console.get("/incidents/INC-1?everything=1", 401)
    assert page.select("input[name=next]")[0]["value"] == "/incidents/INC-1?everything=1"
    assert "allstop open" in page.get_text()


@pytest.mark.parametrize(
    "after", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", ""]
)
async def test_signing_in_leads_nowhere_else(console: Console, after: str) -> None:
    response = await console.client.post(
        "/sign-in", data={"token": await token(console), "next": after}
    )
    assert response.headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": BASE, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_forms_of_other_sites_are_refused(console: Console, headers: dict[str, str]) -> None:
    fields = {"token": await token(console)}
    response = await console.client.post("/sign-in", data=fields, headers=headers)
    assert response.status_code == 403
    assert "set-cookie" not in response.headers
    console.sign_in()
    assert (await console.client.post("/sign-out", headers=headers)).status_code == 403
    await console.get("/")


async def test_forms_of_our_own_are_taken(console: Console) -> None:
    headers = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
    fields = {"token": await token(console)}
    assert (await console.client.post("/sign-in", data=fields, headers=headers)).status_code == 303


async def test_only_small_forms_are_read(console: Console) -> None:
    long = await console.client.post("/sign-in", data={"token": "x" * 5000})
    assert (long.status_code, "too long" in long.text) == (403, True)
    assert (await console.client.post("/sign-in", json={"token": "x"})).status_code == 403


async def test_ten_attempts_a_minute(console: Console) -> None:
    for _ in range(10):
        assert (await console.client.post("/sign-in", data={"token": "guess"})).status_code == 401
    blocked = await console.client.post("/sign-in", data={"token": await token(console)})
    assert (blocked.status_code, blocked.headers["retry-after"]) == (429, "60")
    assert (await console.client.get(console.link())).status_code == 429
    console.stage.clock.passed_ms += MINUTE
    assert (
        await console.client.post("/sign-in", data={"token": await token(console)})
    ).status_code == 303


async def test_a_link_works_once(console: Console) -> None:
    link = console.link()
    first = await console.client.get(link)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    await console.get("/")
    console.client.cookies.clear()
    assert (await console.client.get(link)).status_code == 401
    await console.get("/", 401)


async def test_a_link_grows_old(console: Console) -> None:
    link = console.link()
    console.stage.clock.passed_ms += 10 * MINUTE
    assert (await console.client.get(link)).status_code == 401


async def test_a_link_from_another_site_goes_on_by_itself(console: Console) -> None:
    """A strict cookie does not follow a redirect that another site began: our own page must lead on."""
    response = await console.client.get(console.link(), headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 200
    assert 'content="0;url=/"' in response.text
    stranger = await console.get("/log?before=5", 200)
    assert stranger.select(".log")


async def test_a_chat_link_to_a_page_asks_again_from_here(console: Console) -> None:
    path = "/incidents/INC-1?everything=1"
    response = await console.client.get(path, headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 401
    assert 'content="0;url=/incidents/INC-1?everything=1"' in response.text
    again = await console.client.get(path, headers={"Sec-Fetch-Site": "same-origin"})
    assert "http-equiv" not in again.text


async def test_signing_out(console: Console) -> None:
    console.sign_in()
    assert "person:ada" in (await console.client.get("/sign-out")).text
    response = await console.client.post("/sign-out")
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in")
    await console.get("/", 401)


async def test_a_revoked_token_ends_its_sessions(console: Console) -> None:
    await console.client.post("/sign-in", data={"token": await token(console)})
    await console.get("/")
    await console.stage.coordinator.access.revoke("person:ada")
    await console.get("/", 401)


async def test_whoever_the_http_face_recognised_needs_no_session(console: Console) -> None:
    async def recognising(scope: dict[str, object], receive: object, send: object) -> None:
        scope.setdefault("state", {})["principal"] = ADA  # type: ignore[index]
        await console.app(scope, receive, send)  # type: ignore[arg-type]

    console.client._transport.app = recognising  # type: ignore[attr-defined]
    await console.get("/about")


# --- the sessions themselves ---------------------------------------------------------------------


async def test_idle_and_absolute_limits(console: Console) -> None:
    sessions, clock = console.sessions, console.stage.clock
    idle = sessions.begin(ADA)
    clock.passed_ms += 30 * MINUTE - 1
    assert sessions.find(idle) is not None
    clock.passed_ms += 30 * MINUTE
    assert sessions.find(idle) is None
    busy = sessions.begin(ADA)
    for _ in range(12 * 4 - 1):
        clock.passed_ms += 15 * MINUTE
        assert sessions.find(busy) is not None
    clock.passed_ms += 15 * MINUTE
    assert sessions.find(busy) is None


async def test_one_principal_can_be_signed_out_everywhere(console: Console) -> None:
    sessions = console.sessions
    mine, other, code = sessions.begin(ADA), sessions.begin(GRACE), sessions.new_code(ADA)
    assert sessions.end_all("person:ada") == 1
    assert sessions.find(mine) is None
    assert sessions.find(other) is not None
    assert sessions.redeem(code) is None


async def test_secrets_are_not_kept(console: Console) -> None:
    sessions: Sessions = console.sessions
    secret, code = sessions.begin(ADA), sessions.new_code(ADA)
    kept = repr((sessions._sessions, sessions._codes))
    assert secret not in kept
    assert code not in kept


async def test_what_is_kept_is_bounded(console: Console) -> None:
    sessions = console.sessions
    first = sessions.begin(Principal("builder-1", Kind.AGENT))
    for _ in range(1000):
        sessions.begin(ADA)
    assert sessions.find(first) is None
    for number in range(10_050):
        sessions.throttle.admit(f"peer-{number}")
    assert len(sessions.throttle._tries) <= 10_001

"""No secret that looks like one is kept, whatever surrounds it, and what is no secret stays readable."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from allstop.application.masking import BODY_LIMIT, MASK, Keeper, mask_body, mask_facts, mask_text
from allstop.domain.effects import done, failed
from allstop.domain.policy.tables import Scalar

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
NAMES = (
    "password", "PASSWORD", "db_password", "DB_PASSWD", "pwd", "passphrase", "secret", "client_secret",
    "AWS_SECRET_ACCESS_KEY", "api_key", "apiKey", "X-Api-Key", "access_token", "refreshToken", "GITHUB_TOKEN",
    "private_key", "SECRET_KEY_BASE", "session_id", "credentials", "password2", "pass", "token.prod",
)  # fmt: skip
# Everything a name and a value are written as. What stands around must not be touched, so it is asked for.
FORMS = (
    "{name}={secret} host=db-1", "{name} = {secret}", "{name}: {secret}", "  - {name}: {secret}", "{name}:={secret}",
    "{name} => '{secret}'", '{name}="{secret}"', "{name}='{secret}'", '{{"{name}": "{secret}", "port": 1}}',
    '"{{\\"{name}\\": \\"{secret}\\"}}"', "export {name}={secret}", "run --{name} {secret} --verbose",
    "run --{name}={secret}", "<{name}>{secret}</{name}>", "?{name}={secret}", "ENV['{name}'] = '{secret}'",
    "{name}: |\n  {secret}\n  {secret}\nport: 1", "{name}: >-\n    {secret}\n",
)  # fmt: skip
# What shows by itself, with any name or none.
SHAPES = (
    "Authorization: Bearer {secret}", "authorization: Basic {secret}=", "'Authorization: Token {secret}'",
    '{{"Authorization": "Bearer {secret}"}}', 'Proxy-Authorization: Digest username="a", response="{secret}"',
    "got bearer {secret} from the proxy", "Cookie: sid={secret}; theme=dark", "Set-Cookie: sid={secret}; HttpOnly",
    "postgres://shop:{secret}@db-1/shop", "amqp://:{secret}@mq:5672/", "https://u:{secret}@git.example.org/x.git",
    "-----BEGIN RSA PRIVATE KEY-----\n{secret}\n{secret}\n-----END RSA PRIVATE KEY-----\nmore",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}\n", "-----BEGIN PRIVATE KEY-----\\n{secret}\\n-----END PRIVATE KEY-----",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n{secret}\n-----END PGP PRIVATE KEY BLOCK-----",
    "ALTER ROLE shop PASSWORD '{secret}'", "CREATE USER a IDENTIFIED BY '{secret}'", "requirepass {secret}",
    "machine x login y password {secret}", "eyJhbGciOiJub25l.eyJ{secret}.{secret}",
    "https://hooks.slack.com/services/{secret}", "root:$6${secret}{secret}:19000:0",
    "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{secret}\nPrivate-MAC: 00",
)  # fmt: skip
KEYS = (
    "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_11ABCDEFG0abcdefghijkl_mnop", "glpat-abcdefghij0123456789", "xoxb-123456789012-abcdefABCDEF",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "sk-proj-abcdefghijklmnopqrstuvwx", "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "hvs.CAESIJabcdefghijklmnopqrstuv", "SG.abcdefghijklmnopqrst.abcdefghijklmnopqrst",
    "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQ", "npm_abcdefghijklmnopqrstuvwxyz0123456789",
    "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", "ya29.a0AfH6SMBabcdefgh",
)  # fmt: skip
secrets = st.text(LETTERS, min_size=12, max_size=60).map(lambda tail: f"Zq7{tail}")
# Of what people make up themselves, and what shows where a value ends.
odd = st.text(LETTERS + "!#$%*+-./:@^_~|?", min_size=6, max_size=40).map(lambda tail: f"Zq7{tail}")
around = st.text(max_size=40).filter(lambda text: "Zq7" not in text)


def kept(text: str) -> tuple[str, int]:
    body, count = mask_body(text.encode("utf-8", "surrogatepass"))
    return body.decode("utf-8", "surrogatepass"), count


@pytest.mark.parametrize("form", FORMS)
@given(name=st.sampled_from(NAMES), secret=st.one_of(secrets, odd), before=around, after=around)
def test_a_value_under_the_name_of_a_secret_is_not_kept(
    form: str, name: str, secret: str, before: str, after: str
) -> None:
    """Given any text with a secret in one of the ways a name and a value are written, then it is gone, and
    somebody can count it."""
    text, count = kept(f"{before}\n{form.format(name=name, secret=secret)}\n{after}")
    assert secret not in text
    assert count >= 1
    assert MASK in text


@pytest.mark.parametrize("form", SHAPES)
@given(secret=secrets, before=around, after=around)
def test_what_shows_by_its_own_look_is_not_kept(
    form: str, secret: str, before: str, after: str
) -> None:
    text, count = kept(f"{before}\n{form.format(secret=secret)}\n{after}")
    assert secret not in text
    assert count >= 1


@pytest.mark.parametrize("key", KEYS)
@given(before=around, after=around)
def test_a_known_kind_of_key_is_not_kept_wherever_it_stands(
    key: str, before: str, after: str
) -> None:
    text, count = kept(f"{before} {key} {after}")
    assert key not in text
    assert count >= 1


@given(
    secret=secrets,
    noise=st.binary(max_size=200),
    more=st.binary(max_size=200),
    form=st.sampled_from(("password={}", 'x "api_key": "{}"', "Authorization: Bearer {}")),
)
def test_bytes_that_are_no_text_hide_nothing(
    secret: str, noise: bytes, more: bytes, form: str
) -> None:
    """Given a secret between bytes that no encoding knows, then it is found all the same."""
    body, count = mask_body(noise + b"\n" + form.format(secret).encode() + b"\n" + more)
    assert secret.encode() not in body
    assert count >= 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_wide_characters_hide_nothing(encoding: str) -> None:
    """Given a log in two bytes a letter, then the secret is masked and the rest can still be read."""
    text = "\ufeffall is well\npassword=hunter2hunter2\nbye"
    body, count = mask_body(text.encode(encoding))
    assert body.decode(encoding) == f"\ufeffall is well\npassword={MASK}\nbye"
    assert count == 1


@given(st.binary(max_size=3000))
@example(b"\xff\xfe\x00")
@example(b"\xfe\xff\xd8")
@example(b"password=")
@example(b"-----BEGIN PRIVATE KEY-----")
def test_every_body_can_be_masked_and_once_is_enough(body: bytes) -> None:
    once, count = mask_body(body)
    assert (once == body) == (count == 0)
    assert mask_body(once)[0] == once


@pytest.mark.parametrize("piece", [
    b"a", b"password", b"password=", b"://", b"x://a:", b"-----BEGIN PRIVATE KEY-----", b'token="', b"\\", b" : ",
    b"eyJ", b"<pass", b"password: |\n", b"--token ", b"\x00", b"\xff", b"authorization", b"$6$", b"pass_", b"\n ",
])  # fmt: skip
def test_a_huge_body_of_anything_comes_to_an_end(piece: bytes) -> None:
    """Given megabytes made to keep patterns busy, then masking ends, and what is kept has a bound."""
    body, _ = mask_body(piece * (BODY_LIMIT // len(piece) + 100_000))
    assert len(body) <= 2 * BODY_LIMIT
    assert b"are not kept]" in body[-100:]


def test_where_a_long_body_is_cut_no_half_secret_is_left() -> None:
    """Given a body whose end is cut in the middle of a secret, then no part of it is left."""
    secret = b"AKIAIOSFODNN7EXAMPLE"
    for place in range(len(secret) + 1):
        filling = b"x " * ((BODY_LIMIT - place) // 2)
        body, _ = mask_body(filling[: BODY_LIMIT - place] + secret + b" y" * 1000)
        assert secret[:8] not in body


@pytest.mark.parametrize("text", [
    "GET /health: 200 in 12 ms", 'FATAL: password authentication failed for user "shop"',
    "commit 4f2a9c1e8d7b6a5f4e3d2c1b0a9f8e7d6c5b4a39 tree 9c1e8d7b", "token_count: 512", "password_file: /etc/allstop/ledger",
    "key_file=/etc/ssl/web.key", "cpu 12%, memory 40%, disk 61%", "secret_name: tls-web", "token_type: Bearer",
    "http://127.0.0.1:8002/health answered 503", "2026-11-21T17:31:07Z ERROR payments: connection refused",
    "password: null", "the passage was compassed", "INSERT INTO keys VALUES (1)",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI",
])  # fmt: skip
def test_what_is_no_secret_can_still_be_read(text: str) -> None:
    assert mask_text(text) == (text, 0)
    assert mask_body(text.encode()) == (text.encode(), 0)


def test_only_the_secret_goes() -> None:
    """Given lines of a log, then whoever reads them later still sees what happened."""
    text = (
        "17:31:07 connecting to postgres://shop:hunter2@db-1/shop\n"
        '17:31:08 {"user": "shop", "password": "hunter2", "tries": 3}\n'
        "17:31:09 refused: too many clients\n"
    )
    readable = (
        "17:31:07 connecting to postgres://shop:[masked]@db-1/shop\n"
        '17:31:08 {"user": "shop", "password": [masked], "tries": 3}\n'
        "17:31:09 refused: too many clients\n"
    )
    assert kept(text) == (readable, 2)


def test_facts_are_masked_by_their_name_and_by_what_they_say() -> None:
    facts: dict[str, Scalar] = {
        "token": "abc",
        "url": "http://a:b@c/",
        "exit_code": 1,
        "token_count": 7,
        "secret": "",
        "up": True,
    }
    found, count = mask_facts(facts)
    paths: dict[str, Scalar] = {"credentials//etc/allstop/db_password": "ok: can be read"}
    assert mask_facts(paths) == (paths, 0)
    deep, _ = mask_facts({"vault.db_password": "hunter2", "client-secret": "x"})
    assert set(deep.values()) == {MASK}
    assert found == {**facts, "token": MASK, "url": f"http://a:{MASK}@c/"}
    assert count == 2


def test_the_sink_keeps_what_is_masked_and_says_how_much() -> None:
    """Given a body and a sentence with secrets, then the digest is of what is kept, and the record counts them."""
    keep = Keeper()
    digest = keep(b"password=hunter2")
    assert keep.blobs == {digest: b"password=[masked]"}
    assert digest == hashlib.sha256(b"password=[masked]").hexdigest()
    outcome = keep.masked_outcome(done("said Authorization: Bearer abcdefgh", {"code": 0}, digest))
    assert outcome.because == "said Authorization: [masked]; 2 secrets masked"
    assert (outcome.facts, outcome.evidence) == ({"code": 0, "masked": 2}, digest)


def test_an_outcome_without_secrets_stays_as_it_is() -> None:
    keep = Keeper()
    keep(b"nothing to see")
    outcome = failed("exit code 1", {"exit_code": 1})
    assert keep.masked_outcome(outcome) is outcome
    empty = Keeper()
    empty(b"password=hunter2")
    assert empty.masked_outcome(done()).because == "1 secret masked"


def test_a_document_in_json_keeps_its_other_fields() -> None:
    body = json.dumps({"host": "db-1", "api_key": 'a"b\\c', "n": [1, 2]}).encode()
    text, count = mask_body(body)
    assert text == b'{"host": "db-1", "api_key": [masked], "n": [1, 2]}'
    assert count == 1

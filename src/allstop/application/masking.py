"""Secrets are masked before anything that came from outside is kept: once it lies in the log, it stays there.

Whatever an adapter hands over passes here, so that no adapter can forget it. Known shapes only: a password that
stands alone in a text looks like any other word.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from allstop.domain.effects import Outcome
from allstop.domain.policy.tables import Scalar

MASK = "[masked]"
_MASK = MASK.encode()
# More of one body is not kept: the log is no archive, and masking reads every byte of it.
BODY_LIMIT = 2_000_000
# Where a cut falls into a word, so much of it goes as well: half a secret matches no shape.
_RAGGED = 65_536

# Names of what is secret, as they stand in front of a value. It begins with a set of letters, which is searched for
# several times faster than a choice of words in small and capital letters.
_NAME = (
    rb"[pPsStTcCaAeE_-](?i:"
    rb"(?<=p)ass(?:word|wd|phrase|code)|(?<=\bp)ass\b|(?<=[_-])pass\b|(?<=\bp)wd\b|(?<=[_-])pwd\b|(?<=p)rivate[_-]?key|"
    rb"(?<=s)ecret|(?<=s)igning[_-]?key|(?<=s)hared[_-]?key|(?<=s)ession[_-]?(?:id|key)|(?<=s)essid|(?<=\bs)as\b|"
    rb"(?<=t)oken|(?<=c)redential|(?<=c)onnection[_-]?string|"
    rb"(?<=a)pi[_-]?key|(?<=a)ccess[_-]?key|(?<=a)ccount[_-]?key|(?<=a)uth[_-]?key|(?<=e)ncryption[_-]?key)"
)
# What may stand behind it, unless that says the value is no secret but where or how long it is.
_REST = rb"(?!(?i:[_-]?(?:file|path|dir|folder|type|ttl|count|size|length|expir\w{0,10}|name)s?\b))[\w.-]{0,40}"
_NOTHING = rb"(?!\[masked|(?i:null|none|nil|true|false|undefined)\b|\*{3})"
_QUOTED = rb"\"(?:[^\"\\\r\n]|\\[^\r\n])*\"?|'(?:[^'\\\r\n]|\\[^\r\n]|'')*'?"


@dataclass(frozen=True, slots=True)
class _Shape:
    """needles: one of them, in small letters, stands in whatever the pattern can find; kept: groups of the
    pattern that stay, before and behind the mask."""

    needles: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    kept: bytes = _MASK


def _shape(needles: str, pattern: bytes, kept: bytes = _MASK, flags: int = re.IGNORECASE) -> _Shape:
    return _Shape(tuple(needles.encode().split()), re.compile(pattern, flags), kept)


_NAMES = "pass pwd secret token credential key sess connection sas"
_FRONT = rb"\g<1>" + _MASK

# In this order: what spans lines first, then headers, then names with values, then what shows by its own look.
_SHAPES = (
    _shape(
        "-----begin",
        rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        rb".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
        flags=re.DOTALL,
    ),
    _shape("putty-user-key", rb"PuTTY-User-Key-File-\d.*?(?:Private-MAC: \w+|\Z)", flags=re.DOTALL),
    _shape(
        "authorization",
        rb"(authorization\\{0,8}[\"']?\s{0,10}[:=]\s{0,10}\\{0,8}[\"']?)" + _NOTHING
        + rb"(?:digest\s[^\r\n]+|[^\"'\r\n]+)",
        _FRONT,
    ),
    _shape(
        "cookie",
        rb"(cookie2?\\{0,8}[\"']?\s{0,10}[:=]\s{0,10}\\{0,8}[\"']?)" + _NOTHING + rb"[^\"'\r\n]+",
        _FRONT,
    ),
    _shape("bearer", rb"(\bbearer[ \t]+)" + _NOTHING + rb"[\w.~+/=-]{6,}", _FRONT),
    # password: |, and the lines that are further in
    _shape(
        _NAMES,
        rb"(^([ \t]*)(?:- )?[\"']?[\w.-]{0,80}?" + _NAME + _REST
        + rb"[\"']?[ \t]*:[ \t]+[|>][+-]?\d?[ \t]*\r?\n)(?:\2[ \t]+[^\n]*(?:\n|\Z))+",
        _FRONT + rb"\n",
        re.IGNORECASE | re.MULTILINE,
    ),
    # password: to the end of the line
    _shape(
        _NAMES,
        rb"(^[ \t]*(?:- )?[\w.-]{0,80}?" + _NAME + _REST + rb"[ \t]*:[ \t]+)" + _NOTHING
        + rb"(?![|>][+-]?\d?[ \t]*\r?\n)(?:" + _QUOTED + rb"|[^\r\n\"'][^\r\n]*)",
        _FRONT,
        re.IGNORECASE | re.MULTILINE,
    ),
    # "password": "...", within a text that is quoted itself, too
    _shape(
        "\\\" \\'",
        rb"(" + _NAME + _REST + rb"\\{1,8}[\"'][ \t]{0,10}[:=][ \t]{0,10}\\{1,8}[\"'])" + _NOTHING
        + rb"[^\"'\\\r\n]+",
        _FRONT,
        0,
    ),
    _shape(
        _NAMES,
        rb"(" + _NAME + _REST + rb"[\"'\]]{0,2}\s{0,10}(?::=|=>|==?|:)\s{0,10})" + _NOTHING
        + rb"(?:" + _QUOTED + rb"|[^\s\"'\\<>][^\s\"'<>]*)",
        _FRONT,
        0,
    ),
    _shape(
        _NAMES,
        rb"(<[\w:.-]{0,40}?" + _NAME + _REST + rb"(?:\s[^<>]{0,200})?>)" + _NOTHING + rb"[^<]+",
        _FRONT,
    ),
    _shape(
        _NAMES,
        rb"(--[\w-]{0,40}?" + _NAME + _REST + rb"[ \t]+)(?!-)" + _NOTHING + rb"(?:" + _QUOTED + rb"|\S+)",
        _FRONT,
    ),
    _shape("password identified", rb"(\b(?:password|identified\s+by)\s{1,10})'(?:[^'\\\r\n]|\\[^\r\n]|'')*'", _FRONT),
    _shape("requirepass masterauth", rb"(\b(?:requirepass|masterauth)[ \t]+)" + _NOTHING + rb"\S+", _FRONT),
    _shape("login", rb"(\blogin\s+\S{1,200}\s+password\s+)" + _NOTHING + rb"\S+", _FRONT),
    _shape("://", rb"(\b[a-z][a-z0-9+.-]{1,20}://[^\s/@:\"'<>]{0,200}:)" + _NOTHING + rb"[^\s/\"'<>]{1,2000}@", _FRONT + b"@"),
    _shape("eyj", rb"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*){1,3}", flags=0),
    _shape("akia asia aroa aida agpa anpa abia acca", rb"(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ABIA|ACCA)[A-Z0-9]{16}", flags=0),
    _shape("ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", rb"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})", flags=0),
    _shape("glpat- xox xapp-", rb"(?:glpat-|xox[abeoprs]-|xapp-)[\w-]{8,}", flags=0),
    _shape("hooks.slack.com", rb"(hooks\.slack\.com/\w+/)[\w/+-]{8,}", _FRONT),
    _shape("_live_ _test_", rb"\b[sr]k_(?:live|test)_\w{10,}", flags=0),
    _shape("sk- hf_ npm_ whsec_ hvs.", rb"(?<![\w-])(?:sk-|hf_|npm_|whsec_|hvs\.)[\w+/=-]{20,}", flags=0),
    _shape("aiza ya29.", rb"(?:AIza[\w-]{30,}|ya29\.[\w-]{10,})", flags=0),
    _shape("pypi- sg. dop_v1_", rb"(?:pypi-[\w-]{40,}|SG\.[\w-]{16,}\.[\w-]{16,}|dop_v1_\w{40,})", flags=0),
    _shape("age-secret-key-", rb"AGE-SECRET-KEY-1[A-Z0-9]{20,}"),
    _shape("$", rb"\$(?:1|2[abxy]|5|6|7|y|argon2id?|scrypt)\$[\w./$=,+-]{12,}", flags=0),
)  # fmt: skip

_NEEDLES = tuple({needle for shape in _SHAPES for needle in shape.needles})
# A whole name, and no path or sentence that ends in one: what a preflight says of a secret's file is no secret.
_SECRET_NAME = re.compile(rb"[\w.-]{0,200}?(?:" + _NAME + rb")" + _REST, re.IGNORECASE)
_WIDE = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def mask_body(body: bytes) -> tuple[bytes, int]:
    """What of a body may be kept, and how many secrets were masked in it. Total over all bytes.

    A body that is too long is cut, and says so at its end.
    """
    left = len(body) - BODY_LIMIT
    if left > 0:
        body, count = mask_body(_cut(body))
        return body + f"\n[cut: {left} bytes and more are not kept]\n".encode(), count
    for mark, encoding in _WIDE:
        if body.startswith(mark):
            text = body[len(mark) :].decode(encoding, "replace")
            narrow, count = _masked(text.encode("utf-8", "replace"))
            return (
                (mark + narrow.decode("utf-8", "replace").encode(encoding), count)
                if count
                else (body, 0)
            )
    return _masked(body)


def mask_text(text: str) -> tuple[str, int]:
    """The same of a text."""
    body, count = _masked(text.encode("utf-8", "surrogatepass"))
    return (body.decode("utf-8", "surrogatepass"), count) if count else (text, 0)


def mask_facts(facts: Mapping[str, Scalar]) -> tuple[dict[str, Scalar], int]:
    """The same of facts; a text under the name of a secret is one, whatever it looks like."""
    found: dict[str, Scalar] = {}
    total = 0
    for name, value in facts.items():
        found[name] = value
        if not isinstance(value, str) or not value:
            continue
        if _SECRET_NAME.fullmatch(name.encode("utf-8", "replace")):
            found[name], count = MASK, 1
        else:
            found[name], count = mask_text(value)
        total += count
    return found, total


def _masked(body: bytes) -> tuple[bytes, int]:
    # To look for a few words costs little; a pattern with nothing to find in a long body does not.
    small = body.lower()
    there = {needle for needle in _NEEDLES if needle in small}
    total = 0
    for shape in _SHAPES if there else ():
        if not there.isdisjoint(shape.needles):
            body, count = shape.pattern.subn(shape.kept, body)
            total += count
    return body, total


def _cut(body: bytes) -> bytes:
    """The beginning of a body, up to the end of a line or of a word."""
    kept = body[:BODY_LIMIT]
    ends = max(kept.rfind(b"\n"), kept.rfind(b" "))
    return kept[:ends] if ends >= BODY_LIMIT - _RAGGED else kept[: BODY_LIMIT - _RAGGED]


@dataclass(slots=True)
class Keeper:
    """The sink of one attempt, and what else of its outcome goes on the record.

    blobs: what is kept, by SHA-256; masked: how many secrets were masked so far.
    """

    blobs: dict[str, bytes] = field(default_factory=dict)
    masked: int = 0

    def __call__(self, body: bytes) -> str:
        kept, count = mask_body(body)
        self.masked += count
        digest = hashlib.sha256(kept).hexdigest()
        self.blobs[digest] = kept
        return digest

    def masked_outcome(self, outcome: Outcome) -> Outcome:
        """An outcome without secrets. When there were any, here or in what was kept, it says how many."""
        because, in_words = mask_text(outcome.because)
        facts, in_facts = mask_facts(outcome.facts)
        total = self.masked + in_words + in_facts
        if not total:
            return outcome
        said = f"{total} secret{'s' if total > 1 else ''} masked"
        because = f"{because}; {said}" if because else said
        return replace(outcome, because=because, facts={**facts, "masked": total})

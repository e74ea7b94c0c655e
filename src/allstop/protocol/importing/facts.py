"""What a description says, as tests of impact. Only words that are clear become one."""

from __future__ import annotations

import re

# The first that is found of each fact counts.
_TESTS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), fact, test)
    for pattern, fact, test in (
        (r"\bbreach|\bintrusion|\bunauthori[sz]ed access|\bcompromised?\b|\b(?:credentials?|secrets?|keys?) (?:leak|exposed?|exposure)|\bleaked (?:credential|secret|key)", "breach", "true"),
        (r"\bdata[\s-](?:loss|corruption|integrity)|\bcorrupt\w* data|\blost data|\bdata (?:is|was|has been) (?:lost|corrupt)", "data_loss", "true"),
        (r"\bwrong(?:ly)? charge|\bfinancial (?:error|discrepanc|inconsisten)|\bbilling error|\bincorrect (?:charge|payment|payout|billing)|\bdouble[\s-]charg|\bmisallocat", "financial_error", "true"),
        (r"\b(?:possible|potential|suspected) (?:compliance|regulatory)", "compliance", "possible"),
        (r"\b(?:compliance|regulatory|gdpr|hipaa|pci)\b.{0,20}\b(?:violation|breach|failure)", "compliance", "violated"),
        (r"\b5xx\b|\b50[0234] errors?\b|\bserver errors?\b", "server_errors", "true"),
        (r"\bpartial (?:outage|failure|unavailab)|\b(?:a |some |one |single )?(?:major|key|important) (?:features?|functions?|functionality)\b[^.;]{0,30}\b(?:broken|unavailable|down|fail|unusable)", "functions_down", "{at_least: 1}"),
        (r"\bcascading\b|\bmultiple (?:services|systems|components)\b[^.;]{0,20}\b(?:down|fail|unavailable)", "functions_down", "{at_least: 2}"),
        (r"(?<!partial )(?<!minor )\boutage|(?<!\w)(?<!stand )(?<!slow )(?<!shut )(?<!break )(?<!count )(?<!wind )(?<!scale )(?<!cut )(?<!roll )(?<!back )\bdown\b(?!-|\s?(?:time|stream|grade|the|to|from|by|for a))|\bcompletely (?:unavailable|inaccessible)|\b(?:system|site|service|platform|production|application|website)(?: is| are)? (?:unavailable|inaccessible|unusable|offline)", "core_functions_down", "{at_least: 1}"),
    )
)  # fmt: skip
_MORE = r"(?:over|more than|above|exceed\w*|greater than|at least|>=?|≥)"
_MONEY = re.compile(
    rf"(?P<at>{_MORE})\s{{0,3}}(?P<sign>[$€£])?\s?(?P<count>[0-9][0-9,]{{0,14}})\s?(?P<k>[kKmM]\b)?\s?(?P<unit>USD|EUR|GBP|CHF|dollars|euros)?"
    r"\s{0,2}(?:in (?:losses|revenue)\s)?(?:/|per|an|a)\s{0,2}h(?:our|r)?\b",
    re.IGNORECASE,
)
_RECORDS = re.compile(
    rf"(?P<at>{_MORE})\s{{0,3}}(?P<count>[0-9][0-9,]{{0,11}})\s?(?P<k>[kKmM]\b)?\+?\s(?:\w+\s)?records",
    re.IGNORECASE,
)
_USERS = re.compile(
    rf"(?P<at>{_MORE})\s{{0,3}}(?P<count>[0-9][0-9,]{{0,11}})\s?(?P<k>[kKmM]\b)?\+?\s(?:\w+\s)?(?:users|customers)\b",
    re.IGNORECASE,
)
_SHARE = re.compile(
    rf"(?P<at>{_MORE})\s{{0,3}}(?P<count>[0-9]{{1,3}})\s?%\s{{0,2}}(?:of\s(?:all\s)?)?(?P<what>requests|traffic|transactions|calls|capacity|errors?)?",
    re.IGNORECASE,
)  # fmt: skip
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "dollars": "USD", "euros": "EUR"}
# What is said not to be, or only feared, is no fact.
_BROKEN = re.compile(
    r"\bnot (?:working|responding|available|reachable|accessible)\b", re.IGNORECASE
)
_DENIED = re.compile(
    r"\b(?:no|without|not|never|zero|nor|unless|risk of|threat of|near|isn't|aren't|prevent\w*)\b[^,.;|]{0,80}", re.IGNORECASE
)  # fmt: skip
_FEARED = re.compile(
    r"\b(?:potential|possible|suspected|minor|attempted)\s(?!compliance|regulatory)[\w-]+(?:\s[\w-]+)?",
    re.IGNORECASE,
)


def facts_in(text: str) -> list[tuple[str, str]]:
    """(fact, test as YAML) of what a text clearly says."""
    plain = _BROKEN.sub("unavailable", text)
    plain = _FEARED.sub(" ", _DENIED.sub(" ", plain))
    found: dict[str, str] = {}
    for pattern, fact in (
        (_MONEY, "lost_per_hour"),
        (_RECORDS, "records_exposed"),
        (_USERS, "users"),
    ):
        match = pattern.search(plain)
        if match:
            found[fact] = _threshold(match, fact)
    share = _SHARE.search(plain)
    if share and share["what"] and 0 < int(share["count"]) <= 100:
        fact = (
            "capacity_lost_percent"
            if share["what"].lower() == "capacity"
            else "failed_share_percent"
        )
        found[fact] = f"{{{_operator(share)}: {int(share['count'])}}}"
    for words, fact, test in _TESTS:
        if fact not in found and words.search(plain):
            found[fact] = test
    if "functions_down" in found:
        # Part of it is not all of it.
        found.pop("core_functions_down", None)
    return list(found.items())


def _operator(match: re.Match[str]) -> str:
    return "at_least" if match["at"].lower() in ("at least", ">=", "≥") else "more_than"


def _threshold(match: re.Match[str], fact: str) -> str:
    factor = {"k": 1_000, "m": 1_000_000}.get((match["k"] or "").lower(), 1)
    amount = int(match["count"].replace(",", "")) * factor
    unit = ""
    if fact == "lost_per_hour":
        written = match["sign"] or (match["unit"] or "$").lower()
        unit = f" {_CURRENCIES.get(written, written.upper())}"
    return f"{{{_operator(match)}: {amount}{unit}}}"

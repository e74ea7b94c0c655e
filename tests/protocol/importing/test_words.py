"""The words of ordinary protocols: times, severities, facts."""

from __future__ import annotations

import pytest

from allstop.protocol.importing.facts import facts_in
from allstop.protocol.importing.naming import in_order, severity_in, strict_severity
from allstop.protocol.importing.topics import where
from allstop.protocol.importing.words import days_in, slug, span_in
from allstop.protocol.times import parse_span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("15 min", "15m"), ("<30min", "30m"), ("≤ 5 minutes", "5m"), ("1 business day", "1bd"), ("every 10 minutes", "10m"),
        ("15-30 min", "30m"), ("15 to 30 minutes", "30m"), ("0–5 min", "5m"), ("T+5", "5m"), ("T+5: roll call", "5m"),
        ("T+1 hour", "1h"), ("T+90s", "90s"), ("24/7", ""), ("24/7, answer within 2 hours", "2h"), ("within the hour", "1h"),
        ("within an hour", "1h"), ("half an hour", "30m"), ("a quarter of an hour", "15m"), ("1.5 hours", "90m"),
        ("1h30m", "1h30m"), ("1 hour 30 minutes", "1h30m"), ("2 working days", "2bd"), ("4 business hours", "4bh"),
        ("next business day", "1bd"), ("end of day", "1bd"), ("immediately", "1m"), ("hourly", "1h"), ("twice a day", "12h"),
        ("two weeks", "14d"), ("3 months", "90d"), ("24-hour window", "24h"), ("next sprint", "10bd"), ("three times a day", ""),
        ("in a second datacenter", ""), ("a quarter of the users", ""), ("5M users", ""), ("$5 m lost", ""), ("n/a", ""),
        ("0 minutes", ""), ("99999 months", ""), ("99.9%", ""), ("P1-15", ""), ("version 2.3 m", ""), ("", ""),
        ("sooner, at most 10 minutes, then hourly", "10m"), ("hourly, at least every 4 hours", "1h"), ("T+15:30", ""),
    ],
)  # fmt: skip
def test_times(text: str, span: str) -> None:
    assert span_in(text) == span
    if span:
        parse_span(span)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Quarterly", "90d"), ("every 90 days", "90d"), ("monthly review", "30d"), ("once a year", "365d"),
        ("twice a year", "180d"), ("semi-annually", "180d"), ("every 2 weeks", "14d"), ("biweekly", "14d"), ("now and then", ""),
        ("every 5 minutes", ""),
    ],
)  # fmt: skip
def test_cycles(text: str, days: str) -> None:
    assert days_in(text) == days


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SEV1", "SEV1"), ("Sev-2", "SEV-2"), ("Severity 3: minor", "SEV3"), ("P0 – Critical", "P0"), ("Priority 2 (High)", "P2"),
        ("🔴 RED - Critical", "RED"), ("Code Orange", "ORANGE"), ("Level 3", "Level-3"), ("Tier 1", "Tier-1"), ("L2", "L2"),
        ("Critical", "Critical"), ("High priority", "High"), ("High traffic", ""), ("Green field project", ""),
        ("Critical functions are down", ""), ("version P1.5", ""), ("HTTP1", ""), ("", ""),
    ],
)  # fmt: skip
def test_severities(text: str, name: str) -> None:
    assert severity_in(text) == name


def test_only_numbers_are_strict() -> None:
    assert [strict_severity(one) for one in ("SEV1", "RED", "Level 1", "Critical")] == [
        "SEV1",
        "",
        "",
        "",
    ]


def test_levels_that_go_up_with_the_harm_are_turned_around() -> None:
    assert in_order({"P2": "", "P1": "", "P3": ""}, {}) == ["P1", "P2", "P3"]
    assert in_order({"Level-1": "Low", "Level-3": "Critical"}, {}) == ["Level-3", "Level-1"]
    assert in_order({"Level-1": "", "Level-2": ""}, {"Level-1": 3600, "Level-2": 60}) == [
        "Level-2",
        "Level-1",
    ]
    assert in_order({"GREEN": "", "RED": "", "YELLOW": ""}, {}) == ["RED", "YELLOW", "GREEN"]


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ("The site is down", [("core_functions_down", "{at_least: 1}")]),
        ("Partial outage", [("functions_down", "{at_least: 1}")]),
        ("A major feature is broken", [("functions_down", "{at_least: 1}")]),
        ("Security breach", [("breach", "true")]),
        ("5xx errors", [("server_errors", "true")]),
        ("Data loss or corruption", [("data_loss", "true")]),
        ("loss over $10,000 per hour", [("lost_per_hour", "{more_than: 10000 USD}")]),
        ("at least 2k EUR/h", [("lost_per_hour", "{at_least: 2000 EUR}")]),
        ("more than 500 customers", [("users", "{more_than: 500}")]),
        (">= 50% of requests fail", [("failed_share_percent", "{at_least: 50}")]),
        ("more than 10,000 records", [("records_exposed", "{more_than: 10000}")]),
        ("No data loss", []), ("without an outage", []), ("Potential data loss", []), ("stand down", []),
        ("we slow down the rollout", []), ("downtime is planned", []), ("risk of a breach", []), ("over 50% sure", []),
        ("the service is not responding", [("core_functions_down", "{at_least: 1}")]),
    ],
)  # fmt: skip
def test_facts(text: str, tests: list[tuple[str, str]]) -> None:
    assert facts_in(text) == tests


@pytest.mark.parametrize(
    ("titles", "topic"),
    [
        (("Severity levels",), "severity"), (("Stand-Down Template",), "template"), (("Post-Incident", "Within 24 hours"), "after"),
        (("Phase 1: Contain", "Exit criteria"), "exit"), (("Exit criteria",), "stand-down"), (("Steamroller control",), ""),
        (("Roles", "Communications Lead"), "roles"), (("Templates", "Status update"), "template"), (("After hours",), ""),
        (("Phases", "Containment"), "phase"), (("Response procedure", "1. Contain"), "phase"), (("Halt conditions", "Escalation"), "halt"),
        (("Overview",), "other"), (("Deactivation",), "stand-down"), (("🔥 Escalation",), "escalation"),
    ],
)  # fmt: skip
def test_sections(titles: tuple[str, ...], topic: str) -> None:
    assert where(titles).topic == topic


def test_names_are_names() -> None:
    assert [slug("Größe & Co."), slug("重大"), slug("", "x"), slug("a" * 90)] == [
        "groe-co",
        "unnamed",
        "x",
        "a" * 40,
    ]

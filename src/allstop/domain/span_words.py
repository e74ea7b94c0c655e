"""Spans as people say them."""

from __future__ import annotations

from allstop.domain.moment import words
from allstop.domain.policy.spans import Clock, Span


def span_words(span: Span) -> str:
    """`15m`, `4h of business time`, `3 business days`."""
    if span.clock is Clock.BUSINESS_DAYS:
        return f"{span.amount} business day{'' if span.amount == 1 else 's'}"
    text = words(span.amount)
    return f"{text} of business time" if span.clock is Clock.BUSINESS_HOURS else text

"""The mark that ties a test to clauses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

F = TypeVar("F", bound=Callable[..., Any])


def clause(*ids: str) -> Callable[[F], F]:
    """The test shows that these clauses are met, or the part of them there is so far."""
    mark: Callable[[F], F] = pytest.mark.clause(*ids)
    return mark

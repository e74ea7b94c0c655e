"""What documents may ask to be filled in is what the core can fill in."""

from typing import get_args

from allstop.domain.prefill import PREFILLS
from allstop.protocol.document_telling import Prefill


def test_every_prefill_of_the_core_can_be_written_and_no_other() -> None:
    assert set(get_args(Prefill)) == set(PREFILLS)

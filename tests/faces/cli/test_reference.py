"""docs/cli.md says what the commands say."""

from tests.faces.cli.write_reference import PAGE, text


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == text(), (
        "python -m tests.faces.cli.write_reference writes it anew"
    )

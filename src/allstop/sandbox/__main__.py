"""`python -m allstop.sandbox up DIR` and `python -m allstop.sandbox ctl DIR VERB ...`."""

from __future__ import annotations

import sys

USAGE = """usage: python -m allstop.sandbox up DIR [--rate N] [--agents-home PATH]
       python -m allstop.sandbox ctl DIR start|stop|kill|restart|status SERVICE
       python -m allstop.sandbox ctl DIR inject bad-release|killed-process|hung-dependency
       python -m allstop.sandbox ctl DIR start-agents --url URL --tokens FILE --halt-dir PATH
       python -m allstop.sandbox ctl DIR down
       python -m allstop.sandbox book DIR SERVICE fence|fenced|unfence|unfenced|
                                                   flush|flushed|snapshot|kept|verify"""


def main(arguments: list[str]) -> int:
    """Run one of the commands; returns the exit code."""
    match arguments:
        case ["ctl", *rest]:
            # Imported late, both: `ctl` is an actuator and must not wait for what `up` needs.
            from allstop.sandbox import control  # noqa: PLC0415

            return control.main(rest)
        case ["book", *rest]:
            from allstop.sandbox import books  # noqa: PLC0415

            return books.main(rest)
        case ["up", *rest]:
            from allstop.sandbox import supervisor  # noqa: PLC0415

            return supervisor.main(rest)
        case _:
            print(USAGE, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

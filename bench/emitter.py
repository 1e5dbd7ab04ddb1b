"""The fake CLI, with long answers that are made before their first line is written.

So the one who reads them is measured, not the one who makes them. Run as ``python -S -m bench.emitter``.

    [fake: many N]          N deltas, as fast as they are read
    [fake: paced N PAUSE]   N deltas, each written alone, PAUSE seconds apart
"""

import contextlib
import io
import sys
import time
from typing import Any

from tests.support import fake_cli


def many(fake: fake_cli.Fake, count: str) -> None:
    """As many deltas as asked for, as fast as they are read."""
    sys.stdout.write(_lines(fake, count))
    sys.stdout.flush()


def paced(fake: fake_cli.Fake, argument: str) -> None:
    """As many deltas as asked for, each written alone, with a pause before the next."""
    count, pause = argument.split()
    for line in _lines(fake, count).splitlines(keepends=True):
        sys.stdout.write(line)
        sys.stdout.flush()
        time.sleep(float(pause))


def _lines(fake: fake_cli.Fake, count: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as lines:
        fake_cli.many(fake, count)
    return lines.getvalue()


if __name__ == "__main__":
    if "--version" in sys.argv:
        print("9.9.9 (Fake CLI)")
    else:
        faults: dict[str, Any] = fake_cli.faults
        faults |= {"many": many, "paced": paced}
        fake_cli.Fake().run()

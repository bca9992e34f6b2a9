"""Run the parcel example of every SDK against a server of its own: `make sdk-test`.

Prints for each the version that ran and what it counted, or why it was not run. Ends with 1 when one of them
found something wrong; what was not run is not counted as passed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import running
from tests.sdk.packages import NotRun
from tests.sdk.programs import PROGRAMS, counted


def main() -> int:
    """Run the languages asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m tests.sdk")
    parser.add_argument("languages", nargs="*", default=list(PROGRAMS), help=f"of {', '.join(PROGRAMS)}")
    ran = not_run = failed = 0
    for language in parser.parse_args().languages:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "data") as server:
            try:
                summary = counted(language, server.api, Path(folder))
            except NotRun as reason:
                not_run += 1
                print(f"{language:<11} not run: {reason}", flush=True)
                continue
            except AssertionError as complaints:
                failed += 1
                print(f"{language:<11} FAILED\n{complaints}", flush=True)
                continue
        ran += 1
        package, version = summary.pop("sdk"), summary.pop("version")
        counts = ", ".join(f"{count} {what}" for what, count in summary.items())
        print(f"{language:<11} {package} {version}: {counts}; {time.monotonic() - began:.0f} s", flush=True)
    print(f"{ran} passed, {failed} failed, {not_run} not run")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

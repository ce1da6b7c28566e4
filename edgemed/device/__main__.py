"""The command `edgemed-device`, in the base wheel."""

from __future__ import annotations

import io
import sys


def main() -> None:
    from edgemed.errors import EXIT_INTERRUPTED

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        from edgemed.device.command import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        code = EXIT_INTERRUPTED
    raise SystemExit(code)


if __name__ == "__main__":
    main()

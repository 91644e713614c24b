"""`python -m sfu`, and the `sfu` command."""

import sys

from sfu.cli.main import run


def main() -> None:
    """Ends the process with 0 (clean stop), 2 (bad settings or usage) or 1 (anything else)."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

"""The entry of `gonequiet`, which `python -m monitor` is too. What is imported first costs time in which a signal may come."""

import signal
import sys


def main() -> None:
    """Run the command line; SIGHUP does not end a service that has yet to start, as it reads its settings only then."""
    if "run" in sys.argv[1:]:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from monitor.cli import main as run_command_line

    run_command_line()


if __name__ == "__main__":
    main()

"""`python -m monitor` is `gonequiet`."""

from monitor.cli import main

if __name__ == "__main__":
    main()

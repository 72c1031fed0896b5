"""One trial in a process of its own: see `rockfall_sweeps.trial`."""

from rockfall_sweeps.trial import main

if __name__ == "__main__":
    raise SystemExit(main())

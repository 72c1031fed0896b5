"""One trial in a process of its own: see `rockfall_sweeps.trial`. With the number of a socket, a
process that forks into trials: see `rockfall_sweeps.nursery`.
"""

import sys

if __name__ == "__main__":
    if len(sys.argv) > 1:
        from rockfall_sweeps import nursery

        raise SystemExit(nursery.main(int(sys.argv[1])))
    from rockfall_sweeps import trial

    raise SystemExit(trial.main())

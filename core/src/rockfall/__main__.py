"""`python -m rockfall`: the command line."""

from rockfall.cli import main

if __name__ == "__main__":
    main()

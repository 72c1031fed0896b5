"""`python -m rockfall`: the command line."""

from rockfall.cli import main

main()

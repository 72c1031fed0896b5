"""A REINFORCE agent. Start at `hello.py`."""

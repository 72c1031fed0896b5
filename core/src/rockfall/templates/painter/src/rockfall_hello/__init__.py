"""A network that learns one picture. Start at `hello.py`."""

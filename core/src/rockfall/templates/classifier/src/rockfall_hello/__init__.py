"""A linear classifier. Start at `hello.py`."""

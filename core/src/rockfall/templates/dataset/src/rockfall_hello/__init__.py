"""Two moons, a dataset. Start at `hello.py`."""

"""Probabilistic principal component analysis. Start at `hello.py`."""

"""Attacks on what the README promises: `make torture`."""

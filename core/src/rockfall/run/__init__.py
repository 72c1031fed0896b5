"""A run: one fitting and everything it left."""

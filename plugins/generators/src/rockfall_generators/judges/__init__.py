"""Judges: small classifiers whose features generators are compared in, and how they were made."""

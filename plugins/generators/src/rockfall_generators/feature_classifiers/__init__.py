"""Feature classifiers: small ones in whose features generators are compared, and their training."""

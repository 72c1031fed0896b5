"""`acts`: plays an environment; `rockfall play`."""

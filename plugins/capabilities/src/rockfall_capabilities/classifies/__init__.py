"""`classifies`: tells classes apart; `rockfall classify`."""

"""One picture, painted by a network or by evolution. Start at `painter.py`."""

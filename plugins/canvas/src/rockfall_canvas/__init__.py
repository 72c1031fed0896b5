"""One picture, learned by an implicit neural representation (start at `painter.py`) or approximated
by an evolution of polygons (start at `evolve.py`).
"""

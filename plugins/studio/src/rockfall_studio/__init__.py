"""Rockfall in the browser: `rockfall studio`.

Start at `asks.py`, which says what a view is made of on this side, then at `views/`; `page/` is
what the browser gets. `serving.py` puts it together, `security.py` says who is let in.
"""

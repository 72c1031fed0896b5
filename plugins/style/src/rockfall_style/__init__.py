"""Neural style transfer: by optimising pixels (start at `gatys.py`), or by a feed-forward network
(start at `fast_style.py`).
"""

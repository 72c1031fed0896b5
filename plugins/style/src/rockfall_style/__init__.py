"""Pictures in the manner of other pictures. Start at `gatys.py`."""

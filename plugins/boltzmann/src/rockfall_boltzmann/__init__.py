"""Boltzmann machines: models that are an energy. Start at `rbm.py`, then `spike_slab.py`."""

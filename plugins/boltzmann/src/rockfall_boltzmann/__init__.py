"""Boltzmann machines: generative models with an energy function. Start at `rbm.py`."""

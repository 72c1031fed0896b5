"""Models that make new pictures: autoencoders, VAEs, GANs and a flow. Start at `gan.py`."""

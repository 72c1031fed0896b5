"""A verb about the tensors of a trained model. Start at `hello.py`."""

"""Many environments stepped at once, with tensors at the boundary and an exact state."""

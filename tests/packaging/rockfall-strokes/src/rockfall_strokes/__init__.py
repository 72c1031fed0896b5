"""A stranger's plugin: a capability, a dataset, and a model that uses both by their names."""

"""`scores`: says how likely an example is."""

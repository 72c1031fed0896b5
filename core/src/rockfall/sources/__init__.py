"""What a model learns from: datasets, environments and pictures."""

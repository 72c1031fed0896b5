"""What trained models can do: a folder each, with protocol, check, measurements and verb."""

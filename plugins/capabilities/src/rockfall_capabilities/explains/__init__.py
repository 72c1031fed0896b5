"""`explains`: shows what its layers do."""

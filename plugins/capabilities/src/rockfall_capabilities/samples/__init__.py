"""`samples`: makes new examples; `rockfall sample`."""

"""`blends`: makes what lies between two examples; `rockfall blend`."""

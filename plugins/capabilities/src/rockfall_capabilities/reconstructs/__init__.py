"""`reconstructs`: makes an input again from what it kept of it; `rockfall reconstruct`."""

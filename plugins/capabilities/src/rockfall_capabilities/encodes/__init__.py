"""`encodes`: turns inputs into features; `rockfall latent`."""

"""What a trained model can do: one file a capability, with its protocol, figures and check."""

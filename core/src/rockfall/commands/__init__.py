"""The core's verbs, one file each; imported only when used."""

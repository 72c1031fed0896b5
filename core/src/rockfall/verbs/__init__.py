"""What a verb needs, the core's own and a plugin's: options, completion, text, tables."""

"""`paints`: holds one picture, and renders it at any size.

`paint(height, width)` → (3, height, width) uint8, the same each time.

A finished run leaves `painting`, and smaller ones of its steps. The verbs that use it are those of
the plugins with such models: `rockfall paint`, `rockfall stylize`.
"""

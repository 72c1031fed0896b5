"""`writes`: goes on with a text.

`write(prompt, length, temperature)`: names of symbols → so many more, by torch's global generator:
the seed decides which. Names of symbols are those of the source's classes, in which white space has
a letter of its own (`⏎`, `␣`).

`rockfall sample RUN --prompt "…"` writes some.
"""

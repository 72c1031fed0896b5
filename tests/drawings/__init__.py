"""Digits as people draw them, on what people draw on: made up, from a seed, without any data.

`strokes` draws a digit, `papers` puts it on a paper, `sheet` shows some of each kind.
"""

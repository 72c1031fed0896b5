"""Capabilities: what trained models can do, how it is measured, drawn and used.

One folder a capability; `plugin.py` lists them and what the files of a folder hold. Beside the
folders stands what several of them share: `mean_example`.

A model has a capability by having the methods of its protocol and naming it in its spec. It
imports nothing from here.
"""

"""A process that has imported what every trial needs, and forks into one whenever it is asked.

Importing torch takes longer than many a trial, and is the same for all. It computes nothing itself
and starts no thread, which a fork would not take along. It ends with whoever began it.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket

PRELOADED = ("rockfall.training", "rockfall_sweeps.trial", "torch.optim", "safetensors.torch")
FILES = 3
"""What comes with each request: standard input, output and error of a trial."""


def main(descriptor: int) -> int:
    """Answer requests from the socket of this number until it is closed."""
    for name in PRELOADED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: see `Local`
    asked = socket.socket(fileno=descriptor)
    while True:
        _, files, _, _ = socket.recv_fds(asked, 1, FILES)
        if len(files) < FILES:
            return 0
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asked.close()
            os.setsid()
            return _trial(files)
        for file in files:
            os.close(file)


def _trial(files: list[int]) -> int:
    from rockfall_sweeps.trial import main as trial

    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    return trial()

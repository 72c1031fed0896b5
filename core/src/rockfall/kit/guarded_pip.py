"""Pip that runs no code of a package: it builds in processes of their own, and may start none."""

from __future__ import annotations

import sys

REFUSED = "rockfall: this needs a build"
"""What it says on standard error of a package that it would have had to build."""

GUARDED = f"""
import os, runpy, sys
STARTS = "subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"
BUILDS = "python", "git", "hg", "svn", "bzr"
def refuse(event, given):
    if event in STARTS:
        if os.path.basename(str(given[0] if given else "")).startswith(BUILDS):
            sys.stderr.write("{REFUSED}\\n")
        raise PermissionError("not before it was asked")
sys.addaudithook(refuse)
sys.argv[0] = "pip"
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def pip_command(build: bool) -> list[str]:
    """The command line that pip's own arguments follow. build: whether it may build packages."""
    return [sys.executable, *(("-m", "pip") if build else ("-c", GUARDED))]

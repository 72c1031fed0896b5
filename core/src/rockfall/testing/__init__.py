"""The conformance kit: checks that every plugin passes, the first-party ones too.

A plugin's whole test can be::

    from rockfall.testing import check_plugin

    def test_conforms() -> None:
        check_plugin("rockfall-hello")

Each check raises AssertionError with one line that says what is wrong and with what. Models are
checked on the CPU and on a pretend CUDA device, which a test can open too: `pretend_device`. One
that learns on several devices is checked by `check_parallel`, two processes against one.
"""

from rockfall.testing.datasets import check_dataset
from rockfall.testing.environments import check_environment
from rockfall.testing.models import check_model
from rockfall.testing.parallel import check_parallel
from rockfall.testing.pictures import check_picture
from rockfall.testing.plugins import check_plugin, check_registration
from rockfall.testing.pretend import pretend_device

__all__ = [
    "check_dataset",
    "check_environment",
    "check_model",
    "check_parallel",
    "check_picture",
    "check_plugin",
    "check_registration",
    "pretend_device",
]

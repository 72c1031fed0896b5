from rockfall.capabilities import has_capability as has_capability
from rockfall.errors import did_you_mean as did_you_mean
from rockfall.hooks import API as API
from rockfall.hooks import Register as Register
from rockfall.hooks import hookimpl as hookimpl
from rockfall.registry import registry as registry
from rockfall.sources.options import Seed as Seed
from rockfall.sources.options import open_with as open_with

__all__: list[str]

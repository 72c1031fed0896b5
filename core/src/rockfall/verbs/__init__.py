"""What a verb needs, the core's own and a plugin's: options, completion, runs, and how it ends.

`rockfall.kit.console` prints. Heavy imports belong inside a command, so that `--help` stays quick.
"""

from rockfall.capabilities import require_capability
from rockfall.kit.files import check_new_file
from rockfall.run.directory import RunDirectory, all_runs, find_run
from rockfall.summary import measurement_lines
from rockfall.verbs.completion import complete
from rockfall.verbs.new_file import gif_option, gif_path, new_file
from rockfall.verbs.opened import open_capable, save_training_film, suggest_picture
from rockfall.verbs.options import SEED, SIDE, TRAINING, as_json, key_values, trains

__all__ = [
    "SEED",
    "SIDE",
    "TRAINING",
    "RunDirectory",
    "all_runs",
    "as_json",
    "check_new_file",
    "complete",
    "find_run",
    "gif_option",
    "gif_path",
    "key_values",
    "measurement_lines",
    "new_file",
    "open_capable",
    "require_capability",
    "save_training_film",
    "suggest_picture",
    "trains",
]

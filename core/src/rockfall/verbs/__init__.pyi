from rockfall.capabilities import require_capability as require_capability
from rockfall.first_steps import first_model as first_model
from rockfall.kit.files import check_new_file as check_new_file
from rockfall.run.directory import RunDirectory as RunDirectory
from rockfall.run.directory import all_runs as all_runs
from rockfall.run.directory import find_run as find_run
from rockfall.run.directory import runs_folder as runs_folder
from rockfall.summary import measurement_lines as measurement_lines
from rockfall.verbs.completion import complete as complete
from rockfall.verbs.opened import open_capable as open_capable
from rockfall.verbs.opened import save_training_film as save_training_film
from rockfall.verbs.opened import suggest_picture as suggest_picture
from rockfall.verbs.options import SEED as SEED
from rockfall.verbs.options import SIDE as SIDE
from rockfall.verbs.options import TRAINING as TRAINING
from rockfall.verbs.options import as_json as as_json
from rockfall.verbs.options import key_values as key_values
from rockfall.verbs.options import trains as trains
from rockfall.verbs.output_file import gif_option as gif_option
from rockfall.verbs.output_file import gif_path as gif_path
from rockfall.verbs.output_file import new_file as new_file
from rockfall.verbs.promises import promising as promising

__all__: list[str]

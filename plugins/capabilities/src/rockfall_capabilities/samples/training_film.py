"""`rockfall sample RUN --animate`: samples of the same noise through training."""

from __future__ import annotations

from pathlib import Path

from rockfall.kit.console import print_json, say, wrote
from rockfall.verbs import check_new_file, find_run


def film_of_training(run: str, gif: Path | None, as_json: bool) -> None:
    """Write the samples that a run left while it learned as a film, by default RUN-training.gif.

    Raises UsageError if its model does not sample, or the run left fewer than two pictures.
    """
    from rockfall.verbs import require_capability, save_training_film

    directory = find_run(run)
    require_capability(directory.record().model, "samples")
    gif = gif or check_new_file(Path(f"{directory.name}-training.gif"), ".gif")
    steps = save_training_film(gif, directory, "samples")
    if as_json:
        print_json({"run": directory.name, "steps": steps, "gif": str(gif)})
    else:
        name = directory.address
        say(
            f"samples of {directory.name} from the same noise, step {steps[0]:,} to "
            f"{steps[-1]:,}, {len(steps)} pictures",
            wrote(gif),
            f"next: rockfall sample {name}  ·  rockfall show {name}",
        )

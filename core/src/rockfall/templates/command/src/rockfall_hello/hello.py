"""`rockfall hello RUN`: the tensors that a trained model is made of."""

import click

from rockfall.kit.console import print_json, print_table, say
from rockfall.verbs import as_json, complete


@click.command("hello")
@click.argument("run", shell_complete=complete("runs"))
@as_json
def command(run: str, as_json: bool) -> None:
    """List the tensors of RUN's model: their names, shapes, and how many numbers they hold."""
    import torch  # here, so that `rockfall --help` need not wait for it

    import rockfall

    opened = rockfall.open_run(run)
    tensors = {
        name: list(value.shape)
        for name, value in opened.model.state_dict().items()
        if isinstance(value, torch.Tensor)
    }
    numbers = {name: torch.Size(shape).numel() for name, shape in tensors.items()}
    total = sum(numbers.values())
    if as_json:
        print_json({"run": opened.name, "tensors": tensors, "numbers": total})
        return
    rows = [
        (name, " × ".join(map(str, shape)) or "1", f"{numbers[name]:,}")
        for name, shape in tensors.items()
    ]
    print_table(("tensor", "shape", "numbers"), rows)
    say("", f"{total:,} numbers in all", f"next: rockfall show {opened.directory.address}")

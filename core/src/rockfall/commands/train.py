"""`rockfall train MODEL [SOURCE] [key=value …]`."""

from __future__ import annotations

import click

from rockfall.commands import completion
from rockfall.commands.options import SEED, as_json, every, key_values
from rockfall.display import default_listener
from rockfall.display.jsonlines import print_event


@click.command("train")
@click.argument("model", shell_complete=completion.models)
@click.argument(
    "words",
    shell_complete=completion.sources,
    nargs=-1,
    metavar="[SOURCE] [key=value …] [source.key=value …]",
)
@click.option("--preset", help="a named set of settings; default: the one named like the source")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps")
@click.option("--precision", default="auto", show_default=True, help="float32, bf16, fp16")
@click.option(
    "--threads", type=click.IntRange(1), help="CPU threads; default: the model's own choice"
)
@click.option("--name", default="", help="of the run; default: MODEL-SOURCE-number")
@click.option("--out", type=click.Path(file_okay=False), help="where runs go  [default: runs]")
@every
@as_json
def command(
    model: str,
    words: tuple[str, ...],
    preset: str | None,
    seed: int,
    device: str,
    precision: str,
    threads: int | None,
    name: str,
    out: str | None,
    checkpoint_every: float,
    as_json: bool,
) -> None:
    """Train MODEL on SOURCE: a name, a Gymnasium id, or a path.

    key=value sets the model's settings (`rockfall info MODEL` lists them), source.key=value the
    source's options. Without a source, the model's own is used, which needs no download.
    """
    source = words[0] if words and "=" not in words[0] else None
    settings, options = key_values(words[1:] if source else words)

    from rockfall.training import train

    train(
        model,
        source,
        source_options=options,
        config=settings,
        preset=preset,
        seed=seed,
        device=device,
        precision=precision,
        threads=threads,
        name=name,
        out=out,
        checkpoint_every=checkpoint_every,
        listeners=[print_event if as_json else default_listener()],
    )

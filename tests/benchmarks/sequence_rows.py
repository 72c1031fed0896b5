"""What `sequence_tables` measures: each row is `rockfall train` of a memory."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.kept_trials import Group, Row

MODELS = ("rnn", "lstm", "gru", "simple-lstm", "mingru", "minlstm", "lru", "transformer")
STATEFUL = tuple(model for model in MODELS if model != "transformer")
LENGTHS = (22, 44, 88, 176)
MINUTE: dict[str, Any] = {"epochs": 1_000, "schedule": "constant", "lr": 0.003}
"""For as long as it takes, up to the clock's end: no schedule that knows when that is."""
TIMES = (100, 200, 500, 1_000)


def recall(length: int) -> list[Row]:
    options = {"length": length} if length != LENGTHS[0] else {}
    return [
        Row(
            model=model,
            source="distracted-recall",
            options=options,
            settings=MINUTE,
            seeds=3,
        )
        for model in MODELS
    ]


def at_each_time(source: str, option: str, **settings: Any) -> list[Row]:
    """A task at each length, once."""
    return [
        Row(model=model, source=source, options={option: steps}, settings=settings, seeds=1)
        for model in ("lstm", "gru", "mingru", "lru")
        for steps in TIMES
    ]


GROUPS: dict[str, Group] = {
    "recall": Group(
        title="Distracted sequence recall",
        rows=[Row(model=model, source="distracted-recall") for model in MODELS],
    ),
    "original": Group(
        title="Distracted sequence recall, by the rule of 2012",
        rows=[Row(model="simple-lstm", source="distracted-recall", preset="original")],
    ),
    "lengths": Group(
        title="Distracted sequence recall in a CPU minute",
        rows=[row for length in LENGTHS for row in recall(length)],
    ),
    "reber": Group(
        title="Embedded Reber grammar",
        goal="Of the steps after which one symbol alone can follow, those that are right, %, after "
        "40,000 strings. Published: LSTM learns it in 8,440 strings at best (Hochreiter and "
        "Schmidhuber 1997, table 2).",
        rows=[Row(model=model, source="reber", seeds=3) for model in MODELS],
    ),
    "text": Group(
        title="Characters",
        rows=[
            *(Row(model=model, source="text", seeds=3) for model in MODELS),
            *(
                Row(model=model, source="text", settings={"stateful": True}, seeds=3)
                for model in STATEFUL
            ),
        ],
    ),
    "adding": Group(
        title="The adding problem",
        goal="Squared error of the sum after 40,000 sequences, one seed; always to answer the "
        "mean has 0.167. Published: LSTM takes 74,000 sequences of 100 steps, 209,000 of 500 and "
        "853,000 of 1,000 until no error exceeds 0.04 (Hochreiter and Schmidhuber 1997, table 7).",
        rows=at_each_time("adding", "length"),
    ),
    "copy": Group(
        title="The copy task",
        goal="Symbols right, %, of the ten that are asked for, after 40,000 sequences, one seed; "
        "chance is 12.5.",
        rows=at_each_time("copy", "delay", units=64),
    ),
    "mnist": Group(
        title="Sequential MNIST",
        goal="Test accuracy, %. Published, pixel by pixel: LSTM 98.2, IRNN 97.0, uRNN 95.1 "
        "(Arjovsky et al. 2016), S4 99.6 (Gu et al. 2022).",
        rows=[
            *(Row(model=model, source="sequential-mnist", seeds=1) for model in ("gru", "lstm")),
            *(
                Row(
                    model=model,
                    source="sequential-mnist",
                    options={"order": "pixels"},
                    seeds=1,
                )
                for model in ("lru", "mingru", "gru")
            ),
        ],
    ),
}

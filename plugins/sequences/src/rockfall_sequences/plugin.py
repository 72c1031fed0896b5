"""The table of contents: names, targets, summaries and references of sources and models."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

SOURCES = {
    "distracted-recall": (
        "distracted_recall:distracted_recall",
        "distracted sequence recall: two symbols to remember among many, asked for last",
        "evolvingstuff 2012, github.com/evolvingstuff/SimpleLSTM",
    ),
}
"""Name → (target in this package, summary, reference) of a task whose sequences are made up."""

MODELS = {
    "rnn": (
        "rnn:Rnn",
        "simple recurrent network (RNN): its state is computed anew at each step",
        "Elman 1990, Finding Structure in Time",
    ),
    "lstm": (
        "lstm:Lstm",
        "long short-term memory (LSTM): a cell that gates write to, clear and read",
        "Hochreiter and Schmidhuber 1997, Long Short-Term Memory; Gers et al. 2000",
    ),
    "gru": (
        "gru:Gru",
        "gated recurrent unit (GRU): one gate keeps the old and lets in the new",
        "Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder, "
        "arXiv:1406.1078",
    ),
    "simple-lstm": (
        "simple_lstm:SimpleLstm",
        "SimpleLSTM: an LSTM with one gate, by its original rule or full gradients",
        "evolvingstuff 2012, github.com/evolvingstuff/SimpleLSTM",
    ),
}
"""Name → (target in this package, summary, reference)."""


@hookimpl
def rockfall_register(register: Register) -> None:
    for name, (target, summary, reference) in SOURCES.items():
        register.dataset(
            name=name,
            summary=summary,
            target=f"rockfall_sequences.{target}",
            kinds=("sequences",),
            licence="MIT",
            reference=reference,
        )
    for name, (target, summary, reference) in MODELS.items():
        register.model(
            name=name,
            summary=summary,
            target=f"rockfall_sequences.{target}",
            learns_from=("sequences",),
            default_source="distracted-recall",
            capabilities=("predicts", "remembers"),
            reference=reference,
        )
    register.capability(
        name="predicts",
        summary="predicts each step's target from the steps up to it",
        target="rockfall_sequences.predicts.protocol:Predicts",
        check="rockfall_sequences.predicts.check:check",
        evaluate="rockfall_sequences.predicts.evaluation:evaluate",
        pictures="rockfall_sequences.predicts.pictures:pictures",
    )
    register.capability(
        name="remembers",
        summary="shows what its memory holds at each step, and how far back it reaches",
        target="rockfall_sequences.remembers.protocol:Remembers",
        check="rockfall_sequences.remembers.check:check",
        pictures="rockfall_sequences.remembers.pictures:pictures",
        compared="memory",
    )

"""The table of contents: names, targets, summaries and references of sources and models."""

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

SOURCES = {
    "distracted-recall": (
        "distracted_recall:distracted_recall",
        "distracted sequence recall: two symbols to remember among many, asked for last",
        "evolvingstuff 2012, github.com/evolvingstuff/SimpleLSTM",
    ),
    "adding": (
        "adding:adding",
        "the adding problem: the sum of two marked numbers among many",
        "Hochreiter and Schmidhuber 1997; Le, Jaitly and Hinton 2015, arXiv:1504.00941",
    ),
    "copy": (
        "copying:copy",
        "the copy task: ten symbols to be repeated after a delay",
        "Hochreiter and Schmidhuber 1997; Arjovsky et al. 2016, arXiv:1511.06464",
    ),
    "parity": (
        "parity:parity",
        "parity: whether the number of ones so far is odd",
        "Minsky and Papert 1969, Perceptrons",
    ),
    "reber": (
        "reber:reber",
        "the embedded Reber grammar: near the end comes what came at the beginning",
        "Cleeremans et al. 1989; Hochreiter and Schmidhuber 1997, Long Short-Term Memory",
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
    "mingru": (
        "min_rnn:MinGru",
        "minGRU: a gate that sees the input alone, so that all steps go at once",
        "Feng et al. 2024, Were RNNs All We Needed?, arXiv:2410.01201",
    ),
    "minlstm": (
        "min_rnn:MinLstm",
        "minLSTM: two gates that see the input alone, and share 1 between them",
        "Feng et al. 2024, Were RNNs All We Needed?, arXiv:2410.01201",
    ),
    "lru": (
        "lru:Lru",
        "linear recurrent unit (LRU): a diagonal state-space model",
        "Orvieto et al. 2023, Resurrecting Recurrent Neural Networks for Long Sequences",
    ),
    "transformer": (
        "transformer:Transformer",
        "causal transformer: each step looks back at every one before",
        "Vaswani et al. 2017, Attention Is All You Need; Su et al. 2021, RoFormer",
    ),
}
"""Name → (target in this package, summary, reference)."""

DEVICES = {"lru": ("cpu", "cuda")}
"""Of a model that does not compute wherever PyTorch does: its state is complex."""


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
    register.dataset(
        name="sequential-mnist",
        summary="MNIST's digits read row by row, pixel by pixel, or permuted; a download of 12 MB",
        target="rockfall_sequences.sequential_mnist:sequential_mnist",
        kinds=("sequences", "labelled-sequences"),
        licence="CC BY-SA 3.0",
        reference="Le, Jaitly and Hinton 2015, arXiv:1504.00941; LeCun et al. 1998",
    )
    register.dataset(
        name="text",
        summary="the Declaration of Independence and the Constitution of the United States",
        target="rockfall_sequences.text:text",
        kinds=("sequences", "text", "stream"),
        licence="public domain",
        reference="United States, 1776 and 1787, as Debian's package miscfiles has them",
    )
    register.source_opener(
        name="text-file",
        summary="the path of a text file, .txt or .md, character by character",
        target="rockfall_sequences.text:open_text",
        suits="rockfall_sequences.text:preset_for",
        order=25,  # before pictures, which take any file
    )
    register.source_opener(
        name="series-file",
        summary="the path of a table of numbers, .csv or .tsv, a row a step",
        target="rockfall_sequences.series:open_series",
        order=26,  # before pictures, which take any file
    )
    for name, (target, summary, reference) in MODELS.items():
        register.model(
            name=name,
            summary=summary,
            target=f"rockfall_sequences.{target}",
            learns_from=("sequences",),
            default_source="distracted-recall",
            capabilities=("predicts", "remembers", "writes"),
            reference=reference,
            devices=DEVICES.get(name, ("cpu", "cuda", "mps")),
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

"""What is proven and measured on a GPU: `make device`, which is `python -m tests.device`.

`__main__.py` runs the parts that `parts.py` lists, and `results.py` keeps what they find. The tests
run with the others wherever there is CUDA; where there is none they are skipped, and under
`--rehearse` they run on the conformance kit's pretend device. `benchmarks.py` measures what
`tests/benchmarks/RESULTS.md` says of a GPU. `pack.py` brings all of it to a machine without a
network, where `unpack-and-run.sh` begins.
"""

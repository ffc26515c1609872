"""Real programs, built and run with and without asmrewrite: the outputs must be equal.

Run from the repository root: ``python -m conformance programs``.
"""

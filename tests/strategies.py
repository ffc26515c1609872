"""Listings for hypothesis: the fuzzer's grammar, steered so that what fails is made small."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.fuzz import grammar, mutator
from tests.gas_cases import CASES

_mutator = mutator.Mutator([case.text for case in CASES], 3000)
_random = st.randoms(use_true_random=False)

#: Whole listings, most of which gas takes.
listings = _random.map(grammar.listing)
#: The cases of tests/gas_cases.py after a few changes, most of which gas refuses.
changed_cases = st.builds(_mutator.mutate, st.sampled_from([case.text for case in CASES]), _random)

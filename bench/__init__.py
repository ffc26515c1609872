"""Figures of the README and the docs, as paired ratios: ``python -m bench``."""

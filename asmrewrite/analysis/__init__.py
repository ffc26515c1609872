"""What a compiler plugin would know: sections, functions, provenance, and what each branch is."""

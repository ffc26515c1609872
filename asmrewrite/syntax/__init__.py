"""From text to tokens and statements: the grammars, their tables, and the lossless listing."""

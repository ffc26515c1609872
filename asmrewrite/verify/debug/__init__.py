"""Debug information of two objects, compared: DWARF 2 to 5 in the 32-bit format, as gcc, clang and gas write it."""

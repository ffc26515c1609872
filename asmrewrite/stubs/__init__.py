"""The ABI: record layouts, stub shapes and thunks, each said once and read from here by all others."""

"""The comparisons of translation validation, one for each kind of section."""

"""`asmrewrite trace`: running a program with its markers and functions enabled, and what it did in a file.

`launch` starts the program and sees it to its end, `recorder` takes the events out of its rings meanwhile (`region`,
by the tracer's own C functions). `events` says what the words of an event are, `frames` makes well-nested pairs of
entries and exits, `names` knows functions and markers, `chrome` writes it all for viewers. `reading` reads such a file
again, and `profile` and `flame` are what it says.
"""

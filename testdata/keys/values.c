/* values.c - keys that decide a value: stored, returned, computed with. */
#include "templates.h"

OWN_KEY(corpus_mine);

VALUES_OF(near, corpus_a, off_or, corpus_c)
VALUES_OF(near_likely, corpus_b, on_or, corpus_a)
VALUES_OF(far, corpus_far, off_or, corpus_away)
VALUES_OF(hidden, corpus_hidden, off_or, corpus_mine)

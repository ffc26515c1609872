/* far.c - keys of another shared object, of another file, hidden, and of this file alone. */
#include "templates.h"

struct static_key corpus_hidden = { 0, 0 };
LISTED_KEY(corpus_hidden);
OWN_KEY(corpus_own);

SHAPES_OF(far, corpus_far, off_or, corpus_away)
SHAPES_OF(hidden, corpus_hidden, off_or, corpus_own)

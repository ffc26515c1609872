/* near.c - keys of this program, tested as unlikely and as likely. */
#include "templates.h"

DEFINE_STATIC_KEY_FALSE(corpus_a);
DEFINE_STATIC_KEY_TRUE(corpus_b);
DEFINE_STATIC_KEY_FALSE(corpus_c);
LISTED_KEY(corpus_a);
LISTED_KEY(corpus_b);
LISTED_KEY(corpus_c);

SHAPES_OF(near, corpus_a, off_or, corpus_c)
SHAPES_OF(near_likely, corpus_b, on_or, corpus_a)

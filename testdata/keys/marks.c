/* marks.c - markers where people put them: entries, loops, branches, inline functions, switches, behind calls. */
#include <setjmp.h>

#include "keys.h"

struct packet { long length; const char *name; double rate; unsigned char kind; };

SHAPE(mark_entry) { MARK(corpus_entry, "x %ld", x); return ext1(x); }
SHAPE(mark_no_arguments) { MARK(corpus_nothing, "nothing"); return x + 1; }
SHAPE(mark_exit) { x = ext1(x); MARK(corpus_exit, "x %ld", x); return x; }
SHAPE(mark_tail) { MARK(corpus_tail, "x %ld", x); return ext2(x); }
SHAPE(mark_same_name) { MARK(corpus_entry, "x %ld", x + 1); MARK(corpus_entry, "x %ld", x + 2); return x; }
SHAPE(mark_many) { MARK(corpus_many, "%ld %ld %ld %ld %ld %ld %ld", x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6); return x; }
SHAPE(mark_double) { double d = ext_double((double)x); MARK(corpus_double, "%f of %ld", d, x); return (long)d; }
SHAPE(mark_string) { struct packet p = { x, "packet", 1.5, 3 }; MARK(corpus_packet, "%ld %s %f %d", p.length, p.name, p.rate, p.kind); return p.kind; }
SHAPE(mark_loop) { long s = 0; for (long i = 0; i < (x & 15); i++) { MARK(corpus_loop, "%ld", i); s += ext1(i); } return s; }
SHAPE(mark_leaf_loop) { long s = 0; for (long i = 0; i < (x & 15); i++) { MARK(corpus_loop, "%ld", i); s += i * x; } return s; }
SHAPE(mark_branch) { if (x > 3) { MARK(corpus_more, "%ld", x); x = ext1(x); } else { MARK(corpus_less, "%ld", x); } return x; }
SHAPE(mark_in_key) { if (static_branch_unlikely(&corpus_c)) { MARK(corpus_keyed, "%ld", x); x++; } return x; }
SHAPE(key_behind_mark) { MARK(corpus_before, "%ld", x); if (static_branch_likely(&corpus_b)) x = ext2(x); return x; }
SHAPE(mark_switch) { switch (x & 7) { case 0: MARK(corpus_case, "0"); return 1; case 1: MARK(corpus_case, "1 %ld", x); break;
	case 2: x = ext1(x); break; case 3: MARK(corpus_three, "3"); x++; break; case 4: return 9; case 5: x--; } return x; }
SHAPE(mark_live) { long a = ext1(1), b = ext1(2), c = ext1(3), d = ext1(4), e = ext1(5), f = ext1(6);
	MARK(corpus_live, "%ld %ld", a, f); return ext_many(a, b, c, d, e, f, x, 1) + a + b + c + d + e + f; }
SHAPE(mark_evaluates) { long i = 0; MARK(corpus_evaluates, "%ld", ++i); return i; }
SHAPE(mark_without_braces) { if (x & 1) MARK(corpus_odd, "%ld", x); else MARK(corpus_even, "%ld", x); return x; }
SHAPE(mark_symbol) { MARK_SYM(corpus_place); x = ext1(x); MARK_SYM(corpus_behind); return x; }
SHAPE(mark_float_live) { double d = (double)x * 1.5, e = d + 2, f = d * e; MARK(corpus_floats, "%ld", x); return (long)(d + e + f); }
SHAPE(mark_flags) { long y = x - 5; MARK(corpus_flags, "%ld", y); return y < 0 ? 1 : y == 0 ? 2 : x; }
SHAPE(mark_frame) { volatile char big[3000]; big[x & 1023] = (char)x; MARK(corpus_frame, "%p", (void *)0); return big[x & 1023]; }
static inline long inlined(long x) { MARK(corpus_inline, "%ld", x); return x * 3; }
SHAPE(mark_inline) { return inlined(x) + inlined(x + 1) + inlined(x + 2); }
static __attribute__((noinline)) long recursive(long n) { MARK(corpus_recursive, "%ld", n); return n <= 0 ? 1 : n + recursive(n - 1); }
SHAPE(mark_recursive) { return recursive(x & 7); }
SHAPE(mark_value) { return __extension__ ({ MARK(corpus_expression, "%ld", x); x + 4; }); }
SHAPE(mark_goto) { again: MARK(corpus_goto, "%ld", x); if (x > 50) { x /= 2; goto again; } return x; }
static jmp_buf there;
static __attribute__((noinline)) void jumps(long x) { MARK(corpus_jumps, "%ld", x); if (x & 1) longjmp(there, 1); }
SHAPE(mark_longjmp) { volatile long y = x; if (setjmp(there)) { MARK(corpus_jumped, "%ld", y); return y + 1; }
	MARK(corpus_setjmp, "%ld", y); jumps(y); if (static_branch_unlikely(&corpus_a)) return y; return y - 1; }

/* templates.h - shapes of a test, for any key: SHAPES_OF(suffix, key, test, other), with another key `other`.
 *
 * VALUES_OF are those where a key decides a value and no way.
 */
#ifndef TEMPLATES_H
#define TEMPLATES_H

#include <alloca.h>
#include <stdarg.h>
#include <string.h>

#include "keys.h"

static __attribute__((unused)) long vsum(long count, va_list list)
{
	long sum = 0;

	while (count--)
		sum += va_arg(list, long);
	return sum;
}

#define CONDITIONS_OF(n, K, B, O)								\
SHAPE(plain_if_##n) { if (B(K)) x += 3; return x * 2; }						\
SHAPE(if_else_calls_##n) { if (B(K)) x = ext1(x); else x = ext2(x) + 1; return x; }		\
SHAPE(tail_calls_##n) { if (B(K)) return ext1(x); return ext2(x); }				\
SHAPE(tail_after_##n) { if (B(K)) ext_void(x); return ext2(x + 1); }				\
SHAPE(and_before_##n) { if (x > 3 && B(K)) x = ext1(x); return x; }				\
SHAPE(and_behind_##n) { if (B(K) && x > 3) x = ext1(x); return x; }				\
SHAPE(or_before_##n) { if (x > 3 || B(K)) x = ext1(x); return x; }				\
SHAPE(or_behind_##n) { if (B(K) || x > 3) x = ext1(x); return x; }				\
SHAPE(not_##n) { if (!B(K)) x = ext1(x ^ 5); return x; }					\
SHAPE(ternary_##n) { return B(K) ? ext1(x) : ext2(x); }						\
SHAPE(both_keys_##n) { if (B(K) && B(O)) x = ext1(x); return x + 1; }				\
SHAPE(either_key_##n) { if (B(K) || B(O)) x = ext1(x); return x + 1; }				\
SHAPE(one_of_two_##n) { if (B(K) && !B(O)) return ext1(x); if (!B(K) && B(O)) return ext2(x); return x; }	\
SHAPE(twice_##n) { if (B(K)) x = ext1(x); x += ext2(x); if (B(K)) x ^= ext1(x); return x; }	\
SHAPE(twice_at_once_##n) { if (B(K)) x++; if (B(K)) x = ext1(x); return x; }			\
SHAPE(nested_##n) { if (B(K)) { x = ext1(x); if (x & 1) { if (B(O)) x = ext2(x); else x -= 3; } } return x; }	\
SHAPE(empty_##n) { if (B(K)) __asm__ volatile(""); return x; }					\
SHAPE(error_path_##n) { long r = -1; if (B(K)) goto out; r = ext1(x); if (r < 0 && B(O)) goto out; r++; out: return r; }

#define LOOPS_OF(n, K, B, O)									\
SHAPE(for_##n) { long s = 0; for (long i = 0; i < (x & 15); i++) { if (B(K)) s += ext1(i); else s ^= i; } return s; }	\
SHAPE(for_leaf_##n) { long s = 0; for (long i = 0; i < (x & 15); i++) if (B(K)) s += i * x; return s; }	\
SHAPE(while_##n) { while (x > 0 && !B(K)) x -= 3; return x; }					\
SHAPE(do_while_##n) { long i = 0; do { i++; x += ext1(i); } while (i < 5 && B(K)); return x + i; }	\
SHAPE(break_##n) { long i; for (i = 0; i < 9; i++) { if (B(K)) break; x += ext2(i); } return x + i; }	\
SHAPE(continue_##n) { long s = 0; for (long i = 0; i < 9; i++) { if (B(K)) continue; s += ext1(i ^ x); } return s; }	\
SHAPE(array_##n) { long a[16]; for (int i = 0; i < 16; i++) a[i] = B(K) ? i * x : i - x; return a[x & 15] + a[3]; }	\
SHAPE(switch_##n) { switch (x & 7) {								\
	case 0: if (B(K)) return ext1(1); return 4; case 1: return ext2(x); case 2: x += 9; break;	\
	case 3: if (B(O)) x = ext1(x); break; case 4: return 17; case 5: x = ext2(x + 2); /* fall through */	\
	case 6: if (B(K)) break; x--; break; default: return B(K) ? 5 : ext1(x); } return x * 3; }

#define VALUES_OF(n, K, B, O)									\
SHAPE(value_##n) { _Bool b = B(K); return b + x; }						\
SHAPE(returned_##n) { (void)x; return B(K); }							\
SHAPE(negated_##n) { (void)x; return !B(K); }							\
SHAPE(constants_##n) { (void)x; return B(K) ? 11 : 22; }					\
SHAPE(select_##n) { long y = x * 3; return B(K) ? x : y; }					\
SHAPE(stored_##n) { static _Bool flags[4]; flags[x & 3] = B(K); return flags[x & 3]; }		\
SHAPE(shifted_##n) { return x << B(K); }							\
SHAPE(bitwise_##n) { if (B(K) & (x & 1)) x = ext1(x); return x; }				\
SHAPE(bitwise_or_##n) { if (B(K) | (x & 1)) x = ext1(x); return x; }				\
SHAPE(compared_##n) { if (B(K) == (x & 1)) x = ext1(x); return x; }				\
SHAPE(kept_value_##n) { _Bool b = B(K); if (b) x = ext1(x); return x + b; }			\
SHAPE(kept_long_##n) { _Bool b = B(K); x = ext1(x); if (b) x = ext2(x); return x; }		\
SHAPE(argument_##n) { return ext1(B(K)) + x; }

#define SURROUNDINGS_OF(n, K, B, O)								\
SHAPE(live_registers_##n) { long a = ext1(1), b = ext1(2), c = ext1(3), d = ext1(4), e = ext1(5), f = ext1(6), g = ext1(x);	\
	if (B(K)) a ^= ext2(x); return ext_many(a, b, c, d, e, f, g, x) + a + b + c + d + e + f + g; }	\
SHAPE(arguments_##n) { return ext_many(x, x + 1, x + 2, x + 3, x + 4, B(K) ? ext2(x) : 6, x + 6, x + 7); }	\
SHAPE(frame_##n) { char big[5000]; memset(big, (int)x, sizeof big); ext_sink = (long)big[7]; if (B(K)) big[x & 1023] = 1; return big[x & 1023] + big[4999]; }	\
SHAPE(red_zone_##n) { volatile long a[4] = { x, x + 1, x + 2, x + 3 }; if (B(K)) a[2] = 9; return a[x & 3] + a[2]; }	\
SHAPE(alloca_##n) { char *p = (char *)alloca((size_t)(x & 63) + 1); p[x & 63] = 3; if (B(K)) p[0] = 4; ext_sink = p[0]; return p[x & 63]; }	\
SHAPE(double_##n) { double d = (double)x; if (B(K)) d *= 1.5; d += 2; if (B(O)) d = ext_double(d); return (long)d; }	\
SHAPE(float_loop_##n) { float f[8], s = 0; for (int i = 0; i < 8; i++) f[i] = (float)(x + i); for (int i = 0; i < 8; i++) s += f[i] * 2; if (B(K)) s += f[x & 7]; return (long)s; }	\
SHAPE(double_compare_##n) { double d = ext_double((double)x); if (d > 3 && B(K)) return 1; return d < -2 ? 5 : ext1(3); }	\
SHAPE(flags_before_##n) { long y = x - 5; if (B(K)) x += 2; return y < 0 ? x : y == 0 ? 7 : x * 3; }	\
SHAPE(carry_##n) { unsigned __int128 w = (unsigned __int128)(unsigned long)x * 0x123456789abcdefUL; w += (unsigned long)x; if (B(K)) w += 5; return (long)(w >> 64) ^ (long)w; }	\
SHAPE(asm_before_##n) { __asm__ volatile("{addq $1, %0|add %0, 1}" : "+r"(x) : : "cc"); if (B(K)) x = ext1(x); return x; }	\
SHAPE(asm_behind_##n) { if (B(K)) __asm__ volatile("{addq $7, %0|add %0, 7}" : "+r"(x) : : "cc"); __asm__ volatile("nop\n\tnop" : "+r"(x)); return x; }	\
SHAPE(asm_clobbers_##n) { if (B(K)) x++; __asm__ volatile("" : : : "rax", "rcx", "rdx", "rbx", "rsi", "rdi", "r8", "r9", "r12"); if (B(O)) x--; return x; }	\
SHAPE(division_##n) { long q = (x + 1000) / ((x & 7) + 1), r = (x + 1000) % ((x & 7) + 1); if (B(K)) q ^= r; return q * 10 + r; }	\
SHAPE(memory_##n) { static long m[4]; m[x & 3] = x; if (B(K)) m[1] += x; long s = m[x & 3]; m[1] = 0; return s; }	\
SHAPE(atomic_##n) { static long m; __atomic_fetch_add(&m, x, __ATOMIC_SEQ_CST); if (B(K)) __atomic_fetch_sub(&m, x, __ATOMIC_SEQ_CST); return __atomic_exchange_n(&m, 0, __ATOMIC_SEQ_CST); }	\
static inline long inlined_##n(long x) { if (B(K)) return ext1(x); return x - 1; }			\
SHAPE(inline_twice_##n) { return inlined_##n(x) + inlined_##n(x + 1) * 3; }			\
static __attribute__((noinline)) long varargs1_##n(long count, ...) { va_list l; va_start(l, count); long s = B(K) ? vsum(count, l) : -count; va_end(l); return s; }	\
SHAPE(varargs_##n) { return varargs1_##n(3, x, x + 1, 5L) + varargs1_##n(2, 7L, x); }		\
static __attribute__((noinline)) long recursion1_##n(long d, long x) { if (d <= 0) return x; if (B(K)) return recursion1_##n(d - 1, x * 3 + 1) + 1; return recursion1_##n(d - 2, x) * 2; }	\
SHAPE(recursion_##n) { return recursion1_##n(x & 7, x); }					\
static inline __attribute__((always_inline)) int through_##n(struct static_key *k) { return static_branch_unlikely(k); }	\
SHAPE(through_pointer_##n) { if (through_##n(&K)) x = ext1(x); return x; }			\
SHAPE(computed_goto_##n) { static const void *const to[] = { &&a, &&b, &&c, &&d }; long s = x; goto *to[x & 3];	\
	a: s += 3; if (B(K)) goto *to[(s ^ 1) & 1 ? 1 : 3]; return s; b: if (B(O)) s = ext1(s); s ^= 77; goto d;	\
	c: s = ext2(s); if (B(K)) goto d; goto *to[3]; d: return s * 5; }

#define SHAPES_OF(n, K, B, O)	CONDITIONS_OF(n, K, B, O) LOOPS_OF(n, K, B, O) SURROUNDINGS_OF(n, K, B, O)

#endif

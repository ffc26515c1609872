/* asmrewrite/abi.h - the tables that a rewritten object carries. docs/abi.md explains them.
 *
 * asmrewrite/stubs/abi.py says the same in Python; the tests hold the two against each other.
 */
#ifndef ASMREWRITE_ABI_H
#define ASMREWRITE_ABI_H

#include <stdint.h>

#define ASMREWRITE_ABI_VERSION	1

/* What made the site. */
enum asmrewrite_pass {
	ASMREWRITE_RELPOLINE = 1,
	ASMREWRITE_STATIC_CALL = 2,
	ASMREWRITE_MARKER = 3,
	ASMREWRITE_CALL_OPS = 4,
};

/* What the instruction is: 5 bytes, but 6 for a conditional jump. A push has 0x2e before it, as often as that takes. */
enum asmrewrite_form {
	ASMREWRITE_FORM_CALL = 0,
	ASMREWRITE_FORM_JMP = 1,
	ASMREWRITE_FORM_JCC = 2,
	ASMREWRITE_FORM_NOP = 3,
	ASMREWRITE_FORM_PUSH = 4,
};

#define ASMREWRITE_FLAG_SLOW_MASK		3	/* enum asmrewrite_slow */
#define ASMREWRITE_FLAG_NOTRACK			4	/* the branch was `notrack` */
#define ASMREWRITE_FLAG_KEY_IS_TRAMPOLINE	8	/* no __SCK__ was known: dest leads to the trampoline */
#define ASMREWRITE_FLAG_JUMPS_OFF		16	/* a marker's branch is taken when its key is off */

enum asmrewrite_slow {
	ASMREWRITE_SLOW_RETPOLINE = 0,
	ASMREWRITE_SLOW_LFENCE = 1,
	ASMREWRITE_SLOW_PLAIN = 2,
	ASMREWRITE_SLOW_EXTERNAL = 3,	/* the compiler's own thunk */
};

#define ASMREWRITE_NO_REGISTER	255

/* One site. The first three fields are distances from the field itself, so they need no relocation at run time. */
struct asmrewrite_site {
	int32_t site;		/* the instruction */
	int32_t dest;		/* relpoline: the stub; static call, marker: the GOT entry of the key; call-ops: the function */
	int32_t slots;		/* relpoline: the first of `chain` 8-byte slots, each untrained its own address;
				   marker: where the branch leads; call-ops: the literal; else 0 */
	uint8_t pass;		/* enum asmrewrite_pass */
	uint8_t form;		/* enum asmrewrite_form */
	uint8_t reg;		/* hardware number of the register that holds the target, or is pushed */
	uint8_t chain;		/* entries of the stub's chain */
	uint8_t block;		/* log2 of the block that the instruction does not straddle */
	uint8_t flags;
	uint16_t version;	/* ASMREWRITE_ABI_VERSION */
	uint32_t reserved;	/* 0 */
};

/*
 * The table of this module. runtime/sites.ld, which the wrapper gives to the linker, defines these. The linker's own
 * __start_asmrewrite_sites and __stop_asmrewrite_sites say the same, but who names them keeps what --gc-sections
 * would drop.
 */
extern const struct asmrewrite_site asmrewrite_sites_begin[] __attribute__((weak, visibility("hidden")));
extern const struct asmrewrite_site asmrewrite_sites_end[] __attribute__((weak, visibility("hidden")));

#endif

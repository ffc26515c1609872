/* learn.h - what the code in entry.S and the policy in relpoline.c share. */
#ifndef ASMREWRITE_LEARN_H
#define ASMREWRITE_LEARN_H

/* A row of a thread's table: the targets that a site called, and how often. Offsets and sizes in bytes. */
#define ROW_TARGETS	10		/* 8 bytes each, 0 for none yet */
#define ROW_COUNTS	80		/* 4 bytes each */
#define ROW_OTHERS	120		/* calls of targets that found no place */
#define ROW_LEFT	124		/* calls until the site is decided */
#define ROW_SHIFT	7		/* log2 of its size */

/* A thread's own words, relative to asmrewrite_thread. */
#define THREAD_ROWS	0		/* its table, NULL before its first call of a learning site */
#define THREAD_MISSES	8		/* misses until one is looked at */

/* A learning stub's and a chain's calls of entry.S are followed by eight bytes of code, then the site's number. */
#define NUMBER_BEHIND	8

#define MISSES_A_SAMPLE	1000

#ifndef __ASSEMBLER__
#include <stdint.h>

struct row {
	uint64_t targets[ROW_TARGETS];
	uint32_t counts[ROW_TARGETS];
	uint32_t others;
	int32_t left;
};

struct thread {
	struct row *rows;
	int32_t misses;
};

extern __thread struct thread asmrewrite_thread __attribute__((tls_model("initial-exec")));

/* entry.S: called from stubs, with the target in %r11; change nothing but flags. */
void asmrewrite_count(void);
void asmrewrite_missed(void);

/* relpoline.c: called from entry.S with all registers saved but the vector ones, which they do not use. */
void asmrewrite_decide(uint32_t number, uint64_t target);
void asmrewrite_sample(uint32_t number);
#endif

#endif

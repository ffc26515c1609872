/* stubs.c - see stubs.h */
#include "stubs.h"

#include "code.h"
#include "learn.h"
#include "system.h"

#define ENTRY_SIZE	13u	/* cmpq and je */
#define LEARNING_SIZE	20u
#define TAIL_SIZE	35u

/* Code being written: `here` is where it will run. */
struct writer {
	unsigned char bytes[sizeof(struct chain) + CHAIN_MAX * (8 + ENTRY_SIZE) + TAIL_SIZE];
	unsigned int size;
	unsigned char *here;
};

static void byte(struct writer *out, unsigned int value)
{
	out->bytes[out->size++] = (unsigned char)value;
}

static void word(struct writer *out, uint32_t value)
{
	copy_bytes(out->bytes + out->size, &value, 4);
	out->size += 4;
}

/* A 32-bit distance from the end of itself. */
static void distance(struct writer *out, const void *to)
{
	word(out, (uint32_t)((uintptr_t)to - (uintptr_t)(out->here + out->size + 4)));
}

static void exchange(struct writer *out, unsigned int reg)
{
	if (reg == 11) {
		byte(out, 0x0f), byte(out, 0x1f), byte(out, 0x00);
	} else {
		byte(out, 0x4c | reg >> 3), byte(out, 0x87), byte(out, 0xd8 | (reg & 7));
	}
}

/* Call an entry of the runtime with the target in %r11, and go on to the slow path. */
static void enter(struct writer *out, const struct stub_plan *plan, const void *entry)
{
	exchange(out, plan->reg);
	byte(out, 0xe8), distance(out, entry);
	exchange(out, plan->reg);
	byte(out, 0xe9), distance(out, plan->slow);
	word(out, plan->number);
}

static int32_t misses_offset(void)
{
	uintptr_t self;

	__asm__("movq %%fs:0, %0" : "=r"(self));
	return (int32_t)((uintptr_t)&asmrewrite_thread.misses - self);
}

int asmrewrite_reaches(const void *from, uint64_t to)
{
	int64_t distance = (int64_t)(to - (uintptr_t)from);

	return distance > -0x7ff00000L && distance < 0x7ff00000L;
}

void *asmrewrite_learning_stub(const struct stub_plan *plan)
{
	struct writer out = { .here = asmrewrite_code_allocate(LEARNING_SIZE, 1) };

	if (!out.here)
		return NULL;
	enter(&out, plan, asmrewrite_count);
	asmrewrite_code_put(out.here, out.bytes, out.size);
	return out.here;
}

const struct chain *asmrewrite_make_chain(const struct stub_plan *plan, const struct chain *previous,
					  const uint64_t *targets, unsigned int count)
{
	struct writer out = { .here = asmrewrite_code_allocate(sizeof(struct chain) + count * (8 + ENTRY_SIZE) + TAIL_SIZE, 64) };
	struct chain head = { previous, count };
	struct chain *chain = (struct chain *)out.here;

	if (!out.here)
		return NULL;
	copy_bytes(out.bytes, &head, sizeof(head));
	copy_bytes(out.bytes + sizeof(head), targets, count * 8);
	out.size = (unsigned int)sizeof(head) + count * 8;
	for (unsigned int entry = 0; entry < count; entry++) {
		byte(&out, 0x48 | (plan->reg >> 3) << 2), byte(&out, 0x3b), byte(&out, 0x05 | (plan->reg & 7) << 3);
		distance(&out, &chain->targets[entry]);
		byte(&out, 0x0f), byte(&out, 0x84), distance(&out, (const void *)targets[entry]);
	}
	byte(&out, 0x64), byte(&out, 0xff), byte(&out, 0x0c), byte(&out, 0x25), word(&out, (uint32_t)misses_offset());
	byte(&out, 0x78), byte(&out, 0x05);
	byte(&out, 0xe9), distance(&out, plan->slow);
	enter(&out, plan, asmrewrite_missed);
	asmrewrite_code_put(out.here, out.bytes, out.size);
	return chain;
}

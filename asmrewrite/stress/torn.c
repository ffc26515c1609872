/* torn.c - what happens to a thread that runs through code while another one patches it, on this machine.
 *
 * usage: torn MILLISECONDS
 *
 * "torn OFFSET PROTOCOL PATCHES TORN": a call at OFFSET (bytes) of a cache line is retargeted between two functions
 * while a thread calls it; a torn call went somewhere else.
 * "retarget PROTOCOL PATCHES MISCALLS": a compare-and-branch stub is retargeted while a thread calls two functions
 * through it by turns; a miscall reached the other one.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "code.h"
#include "trap.h"

/* The displacements of the two targets differ in every byte, so that any mixture leads somewhere else. */
#define FIRST	0x01020304
#define SECOND	0x02010403
#define REACH	0x02030000UL

static unsigned char *code;		/* as it runs: the site's page, then 33 MiB of bytes that fault */
static unsigned char *place;		/* its first pages as they are written */
static atomic_bool stop;
static atomic_ulong torn, calls;

void asmrewrite_restore_sites(void) { }

/* A torn call: count it and return to the caller as a target would. */
static void fault(int signal, siginfo_t *information, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal, (void)information;
	atomic_fetch_add(&torn, 1);
	registers[REG_RIP] = *(greg_t *)registers[REG_RSP];
	registers[REG_RSP] += 8;
}

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static void *caller(void *site)
{
	long (*call)(void) = (long (*)(void))site;
	unsigned long count = 0;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (int i = 0; i < 64; i++)
			call();
		count += 64;
	}
	atomic_fetch_add(&calls, count);
	return NULL;
}

enum protocol { STORE, INT3, RUNTIME, PROTOCOLS };
static const char *const names[] = { "store", "int3-without-barrier", "runtime" };

static void patch(enum protocol protocol, unsigned char *at, unsigned char *writable, int32_t displacement)
{
	unsigned char bytes[5] = { 0xe8 };

	memcpy(bytes + 1, &displacement, 4);
	switch (protocol) {
	case STORE:
		__asm__ volatile("movl %1, %0" : "=m"(*(int32_t *)(writable + 1)) : "r"(displacement));
		break;
	case INT3:
		*(volatile unsigned char *)writable = 0xcc;
		__asm__ volatile("movl %1, %0" : "=m"(*(int32_t *)(writable + 1)) : "r"(displacement) : "memory");
		*(volatile unsigned char *)writable = 0xe8;
		break;
	default:
		asmrewrite_code_store(at, writable, bytes, 5);
	}
}

/* With int3-without-barrier the traps are counted as waiting, not as torn: go back and try again. */
static void wait_for_it(int signal, siginfo_t *information, void *context)
{
	(void)signal, (void)information;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]--;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void measure_torn(enum protocol protocol, unsigned int offset, double seconds)
{
	unsigned char *at = code + 64 + offset, *writable = place + 64 + offset;
	struct sigaction action = { .sa_sigaction = wait_for_it, .sa_flags = SA_SIGINFO };
	unsigned long patches = 0;
	pthread_t thread;

	if (protocol == INT3)
		sigaction(SIGTRAP, &action, NULL);
	memset(place, 0xcc, 4096);
	*writable = 0xe8;
	writable[5] = 0xc3;
	int32_t displacement = FIRST - (int32_t)offset;

	memcpy(writable + 1, &displacement, 4);
	atomic_store(&stop, false);
	atomic_store(&torn, 0);
	pthread_create(&thread, NULL, caller, at);
	for (double end = now() + seconds; now() < end;)
		for (int i = 0; i < 64; i++, patches++)
			patch(protocol, at, writable, (patches % 2 ? FIRST : SECOND) - (int32_t)offset);
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	printf("torn %u %s %lu %lu\n", offset, names[protocol], patches, atomic_load(&torn));
}

/* Two targets that say who they are, and a stub at `code + 1024` that compares %rax. */
static const unsigned char target_code[2][6] = { { 0xb8, 1, 0, 0, 0, 0xc3 }, { 0xb8, 2, 0, 0, 0, 0xc3 } };
static atomic_ulong miscalls;

static void *chooser(void *site)
{
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		for (unsigned long i = 0; i < 64; i++) {
			unsigned long target = (unsigned long)code + 2048 + 64 * (i & 1), who = target;

			__asm__ volatile("call *%1" : "+a"(who) : "r"(site) : "memory", "cc", "r11");
			if (who != (i & 1) + 1)
				atomic_fetch_add(&miscalls, 1);
		}
	return NULL;
}

/* cmpq slot(%rip), %rax; je target; jmp *%rax, with the slot 32 bytes behind. */
static void write_stub(unsigned int at, unsigned int target)
{
	unsigned char stub[] = { 0x48, 0x3b, 0x05, 25, 0, 0, 0, 0x0f, 0x84, 0, 0, 0, 0, 0xff, 0xe0 };
	int32_t displacement = (int32_t)(2048 + 64 * target) - (int32_t)(at + 13);
	unsigned long slot = (unsigned long)code + 2048 + 64 * target;

	memcpy(stub + 9, &displacement, 4);
	memcpy(place + at, stub, sizeof stub);
	memcpy(place + at + 32, &slot, 8);
}

static void edit_live(unsigned int at, unsigned int target, bool barrier)
{
	unsigned long slot = (unsigned long)code + 2048 + 64 * target;
	int32_t displacement = (int32_t)(2048 + 64 * target) - (int32_t)(at + 13);

	*(volatile unsigned long *)(place + at + 32) = 1;
	if (barrier)
		asmrewrite_code_synchronise();
	*(volatile int32_t *)(place + at + 9) = displacement;
	if (barrier)
		asmrewrite_code_synchronise();
	*(volatile unsigned long *)(place + at + 32) = slot;
}

static void measure_retarget(const char *protocol, double seconds)
{
	/* The site is a jump at 512; stubs at 1024 and 1088. */
	bool live = strncmp(protocol, "in-place", 8) == 0, barrier = strstr(protocol, "barrier") != NULL;
	int32_t to[2] = { 1024 - 517, 1088 - 517 };
	unsigned long patches = 0;
	pthread_t thread;

	memset(place, 0xcc, 4096);
	memcpy(place + 2048, target_code[0], 6);
	memcpy(place + 2112, target_code[1], 6);
	write_stub(1024, 0);
	write_stub(1088, 1);
	place[512] = 0xe9;
	memcpy(place + 513, &to[0], 4);
	atomic_store(&stop, false);
	atomic_store(&miscalls, 0);
	pthread_create(&thread, NULL, chooser, code + 512);
	for (double end = now() + seconds; now() < end;)
		for (unsigned int i = 0; i < 64; i++, patches++) {
			unsigned char bytes[5] = { 0xe9 };

			memcpy(bytes + 1, &to[i & 1], 4);
			if (live)
				edit_live(1024, i & 1, barrier);
			else
				asmrewrite_code_store(code + 512, place + 512, bytes, 5);
		}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	printf("retarget %s %lu %lu\n", protocol, patches, atomic_load(&miscalls));
}

int main(int count, char **words)
{
	double seconds = count > 1 ? atof(words[1]) / 1000 : 0.1;
	struct sigaction action = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	int file = memfd_create("torn", 0);

	code = mmap(NULL, REACH + 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (file < 0 || code == MAP_FAILED || ftruncate(file, 3 * 4096))
		fail("memory");
	place = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	/* The page of the site, and those of the two targets. */
	unsigned long targets[2] = { 64 + 5 + FIRST, 64 + 5 + SECOND };

	if (place == MAP_FAILED || mmap(code, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED)
		fail("mmap");
	for (int i = 0; i < 2; i++) {
		if (mmap(code + (targets[i] & -4096UL), 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file,
			 4096 * (i + 1)) == MAP_FAILED)
			fail("mmap");
		place[4096 * (i + 1) + targets[i] % 4096] = 0xc3;
	}
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	if (!asmrewrite_code_prepare())
		fail("membarrier");
	for (unsigned int offset = 0; offset < 64; offset++)
		for (int protocol = 0; protocol < PROTOCOLS; protocol++)
			/* Where the displacement straddles 8 bytes or more the answer is rare: look eight times as long. */
			measure_torn(protocol, offset, (offset + 1) % 8 > 4 ? 8 * seconds : seconds);
	measure_retarget("in-place", seconds * 10);
	measure_retarget("in-place-barrier", seconds * 10);
	measure_retarget("runtime", seconds * 100);
	return 0;
}

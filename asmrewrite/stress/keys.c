/* keys.c - tests of static keys and markers that threads run through while all of them are changed.
 *
 * usage: keys SECONDS THREADS [two-step]
 *
 * Threads run through 256 tests of 64 keys, and look whether each went the way that its key said before and after;
 * while keys change either way is right, and nothing else is. Threads also hit markers, whose probes look at their
 * arguments and sleep in every few hundredth, while the probes are taken away and put back. One thread changes keys at
 * random, all 64 in a batch, and probes.
 *
 * two-step: the runtime is off, and the tests are patched in two steps, the last four bytes of all, then the first.
 *
 * "keys FLIPS EXECUTIONS MISEXECUTIONS SLEPT": FLIPS are instructions that were changed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <asmrewrite/abi.h>
#include <asmrewrite/marker.h>
#include <asmrewrite/static_key.h>

#define KEYS	64
#define TESTS	4	/* of each key */
#define REPEAT(f)											\
	f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)		\
	f(16) f(17) f(18) f(19) f(20) f(21) f(22) f(23) f(24) f(25) f(26) f(27) f(28) f(29) f(30) f(31)	\
	f(32) f(33) f(34) f(35) f(36) f(37) f(38) f(39) f(40) f(41) f(42) f(43) f(44) f(45) f(46) f(47)	\
	f(48) f(49) f(50) f(51) f(52) f(53) f(54) f(55) f(56) f(57) f(58) f(59) f(60) f(61) f(62) f(63)

/* Two tests that fall through when the key is off and two when it is on; the answer says which key and which way. */
#define KEY(n)										\
	DEFINE_STATIC_KEY_FALSE(stress##n);						\
	__attribute__((noinline)) static unsigned int unlikely##n(unsigned int x)	\
	{										\
		if (static_branch_unlikely(&stress##n))					\
			x += 1000 + n;							\
		if (static_branch_unlikely(&stress##n))					\
			x += 1000000;							\
		return x;								\
	}										\
	__attribute__((noinline)) static unsigned int likely##n(unsigned int x)		\
	{										\
		x += 1000000;								\
		if (static_branch_likely(&stress##n))					\
			x += 1000 + n;							\
		else									\
			x -= 500000;							\
		return static_branch_likely(&stress##n) ? x : x - 500000;		\
	}
REPEAT(KEY)

#define NAME(n)	&stress##n,
#define PAIR(n)	{ unlikely##n, likely##n },
static struct static_key *const keys[KEYS] = { REPEAT(NAME) };
static unsigned int (*const volatile tests[KEYS][2])(unsigned int) = { REPEAT(PAIR) };

static atomic_bool stop;
static atomic_ulong version, wanted, executions, wrong, slept;
static unsigned long flips;
static __thread sigjmp_buf here;
static __thread volatile bool ready;

/* Whether `answer` to 7 is that of key `which`, on or off, or one of a change on the way. */
static bool is_right(unsigned long which, unsigned int answer, bool on)
{
	return answer == 7u + (on ? 1001000u + (unsigned int)which : 0u);
}

static bool is_possible(unsigned long which, unsigned int answer)
{
	const unsigned int added = answer - 7, one = 1000 + (unsigned int)which;

	return added == 0 || added == one || added == 1000000 || added == 1000000 + one || added == 500000 ||
	       added == 500000 + one;
}

static void probe(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	const unsigned long a = va_arg(*arguments, unsigned long), b = va_arg(*arguments, unsigned long);

	(void)data;
	if (a != ~b || strcmp(marker->name, "stress_hit") || strcmp(format, "%lu %lu"))
		atomic_fetch_add(&wrong, 1);
	if (a % 256 == 0) {
		const struct timespec time = { 0, 2000000 };

		nanosleep(&time, NULL);
		atomic_fetch_add(&slept, 1);
	}
}

static void *runner(void *nothing)
{
	unsigned long seed = (unsigned long)&seed;

	(void)nothing;
	if (sigsetjmp(here, 1))
		atomic_fetch_add(&wrong, 1);	/* what is no code was run */
	ready = true;
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (unsigned long i = 0; i < KEYS; i++)
			for (int kind = 0; kind < 2; kind++) {
				const unsigned long before = atomic_load(&version), keys_now = atomic_load(&wanted);
				const unsigned int answer = tests[i][kind](7);
				const bool settled = before % 2 == 0 && atomic_load(&version) == before;

				if (settled ? !is_right(i, answer, keys_now >> i & 1) : !is_possible(i, answer))
					atomic_fetch_add(&wrong, 1);
			}
		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
		MARK(stress_hit, "%lu %lu", seed >> 20, ~(seed >> 20));
		atomic_fetch_add_explicit(&executions, KEYS * TESTS + 1, memory_order_relaxed);
	}
	return NULL;
}

static void fault(int number)
{
	if (!ready)
		_exit(3);
	(void)number;
	siglongjmp(here, 1);
}

extern const struct asmrewrite_site asmrewrite_sites_begin[], asmrewrite_sites_end[]
	__attribute__((weak, visibility("hidden")));

/* What the runtime does not do: the last four bytes of every test in a first walk, the first bytes in a second. */
static void two_step(void)
{
	static const unsigned char nothing[5] = { 0x0f, 0x1f, 0x44, 0, 0 };

	for (int step = 0; step < 2; step++)
		for (const struct asmrewrite_site *record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++) {
			volatile unsigned char *site = (unsigned char *)(uintptr_t)&record->site + record->site;
			const char *entry = (const char *)&record->dest + record->dest;
			const unsigned char *landing = (const unsigned char *)&record->slots + record->slots;
			int32_t distance = (int32_t)(landing - (const unsigned char *)(uintptr_t)site - 5);
			unsigned char made[5] = { 0xe9 };

			if (record->pass != ASMREWRITE_MARKER)
				continue;
			memcpy(made + 1, &distance, 4);
			if (!**(const unsigned char *const *)entry == !(record->flags & ASMREWRITE_FLAG_JUMPS_OFF))
				memcpy(made, nothing, 5);
			memcpy(&distance, made + 1, 4);
			if (step == 0) {
				*(volatile int32_t *)(site + 1) = distance;
				continue;
			}
			flips += site[0] != made[0];
			site[0] = made[0];
		}
}

static void change(bool safe)
{
	static unsigned long seed = 88172645463325252ul;
	const unsigned long was = atomic_load(&wanted);

	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	atomic_fetch_add(&version, 1);
	atomic_store(&wanted, seed);
	for (int i = 0; i < KEYS; i++)
		static_branch_batch_set(keys[i], seed >> i & 1);
	if (safe) {
		static_branch_batch_end();
		flips += TESTS * (unsigned long)__builtin_popcountl(was ^ seed);
	} else
		two_step();
	atomic_fetch_add(&version, 1);
}

int main(int count, char **words)
{
	if (count < 3)
		return 2;
	const bool safe = count == 3;
	const int threads = atoi(words[2]);
	const time_t end = time(NULL) + atoi(words[1]);
	pthread_t *runners = calloc((size_t)threads, sizeof *runners);
	unsigned long i;

	if (!safe) {
		extern char __executable_start[], etext[];
		const uintptr_t start = (uintptr_t)__executable_start & -4096ul;
		const struct sigaction action = { .sa_handler = fault, .sa_flags = SA_NODEFER };
		static const int signals[] = { SIGSEGV, SIGILL, SIGBUS, SIGTRAP, SIGFPE };

		if (mprotect((void *)start, ((uintptr_t)etext - start + 4096) & -4096ul, PROT_READ | PROT_WRITE | PROT_EXEC))
			return 2;
		for (size_t s = 0; s < sizeof signals / sizeof *signals; s++)
			sigaction(signals[s], &action, NULL);
	}
	for (i = 0; i < (unsigned long)threads; i++)
		pthread_create(&runners[i], NULL, runner, NULL);
	for (i = 0; time(NULL) < end; i++) {
		change(safe);
		if (safe && i % 8 == 0)
			flips += i % 16 ? marker_disconnect("stress_*", probe, NULL) : marker_connect("stress_*", probe, NULL);
	}
	atomic_store(&stop, true);
	for (i = 0; i < (unsigned long)threads; i++)
		pthread_join(runners[i], NULL);
	printf("keys %lu %lu %lu %lu\n", flips, atomic_load(&executions), atomic_load(&wrong), atomic_load(&slept));
	return wrong != 0;
}

/* learn.c - one site, called by turns as the command line says, and what became of it.
 *
 * usage: learn SEQUENCE...	each word is COUNTxTARGET, as in 5000xa 100xb
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asmrewrite/relpoline.h>

static long a(long x) { return x + 1; }
static long b(long x) { return x + 2; }
static long c(long x) { return x + 3; }
static long d(long x) { return x + 4; }

static long (*const functions[])(long) = { a, b, c, d };
static long (*volatile function)(long);

/* The only site that this program has besides those of asmrewrite's own tests. */
__attribute__((noinline)) static long call(long x)
{
	return function(x) * 2;
}

static void tell(void)
{
	static const char *const names[] = { "compiled", "learning", "chain", "pinned", "excluded", "refused" };
	static struct asmrewrite_relpoline sites[16];
	size_t count = ASMREWRITE_HAS_RUNTIME ? asmrewrite_relpoline_sites(sites, 16) : 0;

	for (size_t i = 0; i < count; i++) {
		const char *site = sites[i].site, *start = (const char *)call;

		if (site < start || site > start + 128)
			continue;
		printf("%s", names[sites[i].state]);
		for (int e = 0; e < sites[i].entries; e++)
			for (int f = 0; f < 4; f++)
				if (sites[i].targets[e] == (const void *)functions[f])
					printf(" %c", 'a' + f);
		printf("%s%s\n", *sites[i].reason ? " " : "", sites[i].reason);
	}
	if (!count)
		puts("none");
}

static int order(const char *word)
{
	struct asmrewrite_relpoline sites[16];
	size_t count = asmrewrite_relpoline_sites(sites, 16), i = 0;

	while (i < count && ((const char *)sites[i].site < (const char *)call ||
			     (const char *)sites[i].site > (const char *)call + 128))
		i++;
	const void *targets[] = { (const void *)d };

	return !strcmp(word, "pin")	? asmrewrite_relpoline_pin(sites[i].site, targets, 1) :
	       !strcmp(word, "exclude") ? asmrewrite_relpoline_exclude(sites[i].site) :
	       !strcmp(word, "release") ? asmrewrite_relpoline_release(sites[i].site) :
	       !strcmp(word, "stop")	? asmrewrite_relpoline_stop() :
	       !strcmp(word, "start")	? asmrewrite_relpoline_start() :
	       !strcmp(word, "retrain") ? asmrewrite_relpoline_retrain() : -2;
}

int main(int count, char **words)
{
	long sum = 0;

	for (int i = 1; i < count; i++) {
		char *end;
		long times = strtol(words[i], &end, 10);

		if (*end != 'x') {
			printf("%s %d\n", words[i], order(words[i]));
			tell();
			continue;
		}
		function = functions[end[1] - 'a'];
		for (long n = 0; n < times; n++)
			sum += call(n);
		tell();
	}
	printf("sum %ld\n", sum);
	return 0;
}

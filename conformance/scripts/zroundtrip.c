/* Compress and decompress deterministic data with zlib at every level,
 * strategy and wrapper, and print the sizes and checksums of both sides. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zlib.h"

enum { SIZE = 150000, ROOM = SIZE + SIZE / 2 + 1024 };

static unsigned char data[SIZE], packed[ROOM], unpacked[ROOM];

static unsigned long state;

static unsigned next_random(void)
{
    state = (state * 1103515245UL + 12345UL) & 0x7fffffffUL;
    return (unsigned)(state >> 8);
}

static void fill_text(void)
{
    static const char *const words[] = { "call ", "stub ", "key ", "thunk\n", "site ", "indirect ", "jump " };
    size_t at = 0;

    while (at < SIZE) {
        const char *word = words[next_random() % 7];
        size_t n = strlen(word);

        if (n > SIZE - at)
            n = SIZE - at;
        memcpy(data + at, word, n);
        at += n;
    }
}

static void fill_noise(void)
{
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (unsigned char)next_random();
}

static void fill_runs(void)
{
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (unsigned char)(i / 1000 * 7);
}

static const struct {
    const char *name;
    void (*fill)(void);
} kinds[] = { { "text", fill_text }, { "noise", fill_noise }, { "runs", fill_runs } };

static void fail(const char *what, int status)
{
    printf("%s: status %d\n", what, status);
    exit(1);
}

/* zlib calls these through pointers held in the stream. */
static unsigned long allocations;

static voidpf count_alloc(voidpf opaque, uInt items, uInt size)
{
    ++*(unsigned long *)opaque;
    return calloc(items, size);
}

static void count_free(voidpf opaque, voidpf address)
{
    ++*(unsigned long *)opaque;
    free(address);
}

static z_stream fresh(void)
{
    z_stream s;

    memset(&s, 0, sizeof s);
    s.zalloc = count_alloc;
    s.zfree = count_free;
    s.opaque = &allocations;
    return s;
}

/* Feed and drain the stream by small pieces so that every state is entered. */
static uLong pump(z_stream *s, int (*step)(z_streamp, int), const unsigned char *in, uLong n,
                  unsigned char *out, uInt piece)
{
    int status = Z_OK;

    s->next_out = out;
    for (uLong at = 0; status != Z_STREAM_END;) {
        if (s->avail_in == 0 && at < n) {
            s->next_in = (Bytef *)in + at;
            s->avail_in = n - at < piece ? (uInt)(n - at) : piece;
            at += s->avail_in;
        }
        if (s->total_out + piece > ROOM)
            fail("room", 0);
        s->avail_out = piece;
        status = step(s, at == n ? Z_FINISH : Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            fail("step", status);
    }
    return s->total_out;
}

static void round_trip(const char *name, int level, int strategy, int bits, uInt piece)
{
    z_stream s = fresh();
    uLong n, back;
    int status = deflateInit2(&s, level, Z_DEFLATED, bits, 8, strategy);

    if (status != Z_OK)
        fail("deflateInit2", status);
    n = pump(&s, deflate, data, SIZE, packed, piece);
    deflateEnd(&s);
    s = fresh();
    if ((status = inflateInit2(&s, bits)) != Z_OK)
        fail("inflateInit2", status);
    back = pump(&s, inflate, packed, n, unpacked, piece);
    inflateEnd(&s);
    if (back != SIZE || memcmp(data, unpacked, SIZE) != 0)
        fail("content", (int)back);
    printf("%-5s level %d strategy %d bits %3d piece %5u: %6lu bytes adler %08lx crc %08lx back %08lx\n", name, level,
           strategy, bits, piece, n, adler32(adler32(0, NULL, 0), packed, (uInt)n), crc32(0, packed, (uInt)n),
           crc32(0, unpacked, SIZE));
}

struct cursor {
    uLong at, end;
    unsigned char *bytes;
};

static unsigned pull(void *desc, z_const unsigned char **buf)
{
    struct cursor *c = desc;
    unsigned n = c->end - c->at < 700 ? (unsigned)(c->end - c->at) : 700;

    *buf = c->bytes + c->at;
    c->at += n;
    return n;
}

static int push(void *desc, unsigned char *buf, unsigned n)
{
    struct cursor *c = desc;

    memcpy(c->bytes + c->at, buf, n);
    c->at += n;
    return 0;
}

/* inflateBack takes its input and gives its output through callbacks. */
static void by_callbacks(const char *name)
{
    static unsigned char window[32768];
    struct cursor in = { 0, 0, packed }, out = { 0, ROOM, unpacked };
    z_stream s = fresh();
    int status = deflateInit2(&s, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);

    if (status != Z_OK)
        fail("deflateInit2", status);
    in.end = pump(&s, deflate, data, SIZE, packed, 4096);
    deflateEnd(&s);
    s = fresh();
    if ((status = inflateBackInit(&s, 15, window)) != Z_OK)
        fail("inflateBackInit", status);
    if ((status = inflateBack(&s, pull, &in, push, &out)) != Z_STREAM_END)
        fail("inflateBack", status);
    inflateBackEnd(&s);
    printf("%-5s back: %lu of %lu crc %08lx\n", name, in.end, out.at, crc32(0, unpacked, (uInt)out.at));
}

int main(void)
{
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        state = 42;
        kinds[k].fill();
        printf("%-5s plain: adler %08lx crc %08lx\n", kinds[k].name, adler32(adler32(0, NULL, 0), data, SIZE),
               crc32(0, data, SIZE));
        for (int level = 0; level <= 9; level++)
            round_trip(kinds[k].name, level, Z_DEFAULT_STRATEGY, 15, 4096);
        for (int strategy = Z_FILTERED; strategy <= Z_FIXED; strategy++)
            round_trip(kinds[k].name, 6, strategy, -15, 1000);
        round_trip(kinds[k].name, 6, Z_DEFAULT_STRATEGY, 31, 37);
        by_callbacks(kinds[k].name);
    }
    packed[10] ^= 0x55; /* a damaged stream must be refused in the same way, too */
    uLongf room = ROOM;
    int status = uncompress(unpacked, &room, packed, 1000);
    printf("damaged: status %d\n", status);
    printf("allocator calls %lu\n", allocations);
    return 0;
}

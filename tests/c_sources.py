"""Small C programs that make a compiler print every kind of indirect branch."""

from __future__ import annotations

CALLS = """
typedef int (*callback)(int);
struct ops { callback go; void (*stop)(void); struct ops *next; };
struct big { long a[9]; };
extern callback global, table[8];
extern int extern_function(int), ten(int, int, int, int, int, int, int, int, int, int);
extern void use(void *);
int calls(callback f, int x) { return f(x) + 1; }
int calls_field(struct ops *o, int x) { return o->next->go(x) + 2; }
int calls_twice(callback f, callback g, int x) { return f(g(x)) * 3; }
int calls_table(int i, int x) { return table[i](x) - 1; }
int calls_global(int x) { return global(x) + 1; }
int calls_many(int (*f)(int, int, int, int, int, int, int, int), int x) { return f(x, 1, 2, 3, 4, 5, 6, 7) + 1; }
struct big calls_struct(struct big (*f)(struct big), struct big b) { return f(b); }
double calls_double(double (*f)(double, ...), double x) { return f(x, x) + 1; }
int calls_extern(int x) { return extern_function(x) + 1; }
int tail(callback f, int x) { return f(x); }
void tail_field(struct ops *o) { o->stop(); }
int tail_table(int i, int x) { return table[i](x); }
int tail_global(int x) { return global(x); }
int tail_extern(int x) { return extern_function(x); }
int tail_saved(callback f, callback g, int x) { int y = g(x), z = g(y); use(&table[z]); return f(y + z); }
int tail_alloca(callback f, int n) { char *p = __builtin_alloca(n); use(p); return f(n); }
int tail_array(callback f, int n) { int a[40]; use(a); int b = a[3]; use(&table[b]); return f(b); }
int tail_if(callback f, int x) { if (x > 3) return f(x); use(&x); return 2; }
__attribute__((force_align_arg_pointer)) int tail_aligned(callback f, int x) { return f(x); }
__attribute__((cold)) int tail_cold(callback f, int x) { return f(x); }
"""

JUMPS = """
typedef int (*callback)(int);
extern int a(void), b(void), c(void), d(void), e(void), f(void);
extern void use(void *);
extern __attribute__((cold, noreturn)) void die(int), fail(int), stop(int), abandon(int), leave(int);
int dense(int x) { switch (x) { case 0: return a(); case 1: return b() + 1; case 2: return c() * 2; case 3: return d();
  case 4: return e() - 9; case 5: return f() / 3; case 7: return 11; } return -1; }
int dense_tail(callback g, int x) { switch (x) { case 0: a(); break; case 1: b(); break; case 2: return g(c());
  case 3: d(); break; case 4: e(); break; case 5: f(); break; } return g(x); }
int cold(int x) { switch (x) { case 0: die(1); case 1: fail(2); case 2: stop(3); case 3: abandon(4); case 4: leave(5);
  case 5: die(6); case 6: fail(x); } return x; }
int cold_tail(callback g, int x) { switch (x) { case 0: die(1); case 1: fail(2); case 2: stop(3); case 3: abandon(4);
  case 4: leave(5); case 5: die(6); case 6: fail(x); } return g(x); }
int cold_goto(int x) { static const void *const to[] = {&&one, &&two, &&three}; goto *to[x];
  one: die(1); two: fail(2); three: stop(3); }
int interpret(const unsigned char *p) { static const void *const to[] = {&&add, &&mul, &&neg, &&end}; int v = 1;
  goto *to[*p++]; add: v += a(); goto *to[*p++]; mul: v *= b(); goto *to[*p++]; neg: v = -v; goto *to[*p++];
  end: return v; }
int relative(int i) { static const int to[] = {&&x - &&x, &&y - &&x, &&z - &&x}; goto *(&&x + to[i]);
  x: return a(); y: return b(); z: return c() + 1; }
void *handed(int i, void **out) { if (i) goto *out[i]; out[0] = &&x; out[1] = &&y; return out;
  x: a(); return &&y; y: b(); return 0; }
void given(int i, void **out) { if (i) goto *out[i]; out[0] = &&x; out[1] = &&y; return; x: a(); return; y: b(); }
"""

NON_LOCAL = """
typedef int (*callback)(int);
extern int a(int), b(int);
extern void use(void *), run(void (*)(void));
void jump(void **buffer) { __builtin_longjmp(buffer, 1); }
void jump_if(void **buffer, callback f, int x) { if (f(x)) __builtin_longjmp(buffer, 1); a(x); }
int land(void **buffer, callback f) { if (__builtin_setjmp(buffer)) return a(1); return f(2) + 1; }
int outer(int x) { __label__ out; void inner(void) { if (a(x)) goto out; b(x); } run(inner); return a(1);
  out: return b(x); }
int outer_tail(callback f, int x) { __label__ out; void inner(void) { goto out; } run(inner); return a(1);
  out: return f(x); }
void unwind(long offset, void *handler) { if (a(1)) __builtin_eh_return(offset, handler); use(handler); }
"""

THREAD = """
extern __thread int extern_thread;
static __thread int static_thread;
extern void use(void *);
int get(void) { return extern_thread; }
void *address(void) { use(&static_thread); return &extern_thread; }
"""

DATA = r"""
#include <stddef.h>
const char *const strings[] = {"call *%rax", "a\"b\\", "\033[1m;#/*", "tab\tnul\0end", "jmp *%rcx # '"};
static int numbers[100] = {1, 2, 3};
struct pair { const char *name; int (*go)(void); };
extern int one(void), two(void);
const struct pair pairs[] = {{"one", one}, {"two", two}};
double scale(double x) { return x * 3.25 + 1e-9; }
int inline_asm(int x) { asm volatile("lock; inc{l %0| %0}\n1:\tnop /* a # b */; nop" : "+m"(x)); return x; }
void indirect_asm(void (*f)(void)) { asm volatile("call {*%0|%0}" :: "r"(f) : "memory", "rax"); }
int loop(int n) { int s = 0; for (int i = 0; i < n; i++) s += numbers[i] * (i ^ n); return s; }
"""

ALL = (CALLS, JUMPS, NON_LOCAL, THREAD, DATA)

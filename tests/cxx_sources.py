"""A small C++ program with what only C++ compilers print: virtual calls, thunks, landing pads in cold parts."""

from __future__ import annotations

VIRTUAL = """
struct Result { virtual int value() = 0; virtual ~Result(); };
struct Left { virtual Result *make(int) = 0; virtual int left(int) = 0; virtual ~Left(); long a; };
struct Right { virtual int right(int) = 0; virtual Result *copy() = 0; virtual ~Right(); long b; };
struct Base { virtual int based(int) = 0; virtual ~Base(); long c; };
struct Extra { virtual int extra() = 0; };
struct Both : Extra, Result { int value() override; int extra() override; };
// right and copy need thunks that adjust `this`, based one that looks the distance up; copy's adjusts the result too.
struct Object : Left, Right, virtual Base {
  Result *make(int) override; int left(int) override; int right(int) override; Both *copy() override;
  int based(int) override;
};
int Object::left(int n) { return right(n) + a; }
int Object::right(int n) { return n < 3 ? b : c; }
int Object::based(int n) { return left(n) * 2; }
Both *Object::copy() { return new Both; }
Result *Object::make(int n) { return n ? copy() : new Both; }
int Both::value() { return extra(); }
int Both::extra() { return 7; }
int virtual_call(Left *o, int n) { return o->left(n) + 1; }
int virtual_tail(Left *o, int n) { return o->left(n); }
int virtual_base(Object *o, int n) { return o->based(n) + 1; }
void destroy(Result *r) { delete r; }
int member(Object *o, int (Object::*f)(int), int n) { return (o->*f)(n) + 3; }
int member_tail(Object *o, int (Object::*f)(int), int n) { return (o->*f)(n); }
template <typename F> __attribute__((noinline)) int twice(F f, int n) { return f(n) + f(n + 1); }
int lambda(int (*f)(int), int n) { return twice([f](int i) { return f(i) + 1; }, n) + twice(f, n); }
struct Guard { Left *o; ~Guard() { o->left(0); } };
int guarded(Left *o, int (*f)(int), int n) { Guard g{o}; return f(n); }
int caught(Left *o, int (*f)(int), int (*g)(int), int n) {
  try { return f(n); } catch (int i) { return o->left(i); } catch (...) { g(1); throw; }
}
__attribute__((cold)) int cold(Left *o, int n) { return o->left(n); }
int rare(Left *o, int (*f)(int), int n) {
  if (__builtin_expect(n > 100, 0)) { cold(o, n); f(2); throw f(n); }
  switch (n) { case 0: return f(1); case 1: return o->left(2); case 2: return f(3) + 4; case 3: return f(9) - 1;
    case 4: throw f(6); case 5: return 11; } return f(n);
}
extern int (*initial)(int);
int started = initial(4);
"""

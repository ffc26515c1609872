// shapes.cpp - tests of keys among exceptions, destructors, templates, lambdas and virtual functions.
#include <csetjmp>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "keys.h"

#define SHAPE_CXX(name)							\
	__attribute__((noinline)) static long name(long);		\
	SHAPE_SECTION static const struct shape shape_##name = { #name, name };	\
	__attribute__((noinline)) static long name(long x)

namespace {

struct guard {
	long &to;
	explicit guard(long &to) : to(to) { if (static_branch_unlikely(&corpus_a)) to += 3; }
	~guard() { if (static_branch_unlikely(&corpus_c)) to ^= 9; else to++; }
};

struct base {
	virtual ~base() = default;
	virtual long go(long x) { if (static_branch_unlikely(&corpus_hidden)) return ext1(x); return x; }
};
struct derived : base {
	long go(long x) override { return static_branch_likely(&corpus_b) ? base::go(x) + 1 : ext2(x); }
};

template <class T> __attribute__((noinline)) T templated(T x)
{
	MARK(corpus_template, "%ld", static_cast<long>(x));
	if (static_branch_unlikely(&corpus_far))
		return x * 2;
	return x + 1;
}

__attribute__((noinline)) long throws(long x)
{
	if (static_branch_unlikely(&corpus_a))
		throw std::runtime_error("a");
	if (x == 5)
		throw x;
	MARK(corpus_threw_not, "%ld", x);
	return x;
}

__attribute__((noinline)) long quiet(long x) noexcept { if (static_branch_unlikely(&corpus_c)) return ext1(x); return throws(2) + x; }

}

SHAPE_CXX(cxx_try) { try { x = throws(x); if (static_branch_unlikely(&corpus_c)) x = throws(5); } catch (const std::exception &e) {
	x += e.what()[0]; if (static_branch_unlikely(&corpus_far)) x = ext1(x); } catch (long y) { x = static_branch_likely(&corpus_b) ? y : -y; } return x; }
SHAPE_CXX(cxx_cleanup) { long s = x; try { guard g(s); guard h(s); s = throws(s); } catch (...) { if (static_branch_unlikely(&corpus_hidden)) s++; } return s; }
SHAPE_CXX(cxx_rethrow) { try { try { guard g(x); throws(x); } catch (...) { if (static_branch_unlikely(&corpus_c)) throw; x++; } } catch (...) { x = 77; } return x; }
SHAPE_CXX(cxx_virtual) { static derived d; static base b; base *which = x & 1 ? &d : &b; return which->go(x); }
SHAPE_CXX(cxx_template) { return templated<long>(x) + templated<int>(static_cast<int>(x)) + static_cast<long>(templated<double>(static_cast<double>(x))); }
SHAPE_CXX(cxx_lambda) { auto f = [&](long y) { if (static_branch_unlikely(&corpus_a)) x += y; return x * y; }; return f(3) + f(x); }
SHAPE_CXX(cxx_function) { std::function<long(long)> f; if (static_branch_unlikely(&corpus_far)) f = [x](long y) { return x + y; }; else f = ext2; return f(x); }
SHAPE_CXX(cxx_string) { std::string s = std::to_string(x); if (static_branch_unlikely(&corpus_hidden)) s += "abc"; else s.insert(0, "z"); return static_cast<long>(s.size()) * 100 + s[0]; }
SHAPE_CXX(cxx_vector) { std::vector<long> v; for (long i = 0; i < 5; i++) { if (static_branch_unlikely(&corpus_c)) v.push_back(i * x); v.push_back(i); } long s = 0; for (long e : v) s = s * 3 + e; return s; }
SHAPE_CXX(cxx_at) { std::vector<long> v(3, x); try { return v.at(static_branch_unlikely(&corpus_a) ? 9 : 1); } catch (const std::out_of_range &) { return -1; } }
SHAPE_CXX(cxx_quiet) { try { if (!static_branch_unlikely(&corpus_a)) return quiet(x); } catch (...) { return 3; } return 4; }
SHAPE_CXX(cxx_static) { static long s = static_branch_likely(&corpus_b) ? 3 : 4; return x + (s == 3 || s == 4); }
SHAPE_CXX(cxx_mark_in_try) { try { MARK(corpus_try, "%ld", x); x = throws(x); MARK(corpus_tried, "%ld", x); } catch (...) { MARK(corpus_caught, "%ld", x); return 1; } return x; }
SHAPE_CXX(cxx_bool) { bool a = static_branch_unlikely(&corpus_a), b = static_branch_unlikely(&corpus_c); if (a && b) return ext1(x); if (a != b) return ext2(x); return x; }
SHAPE_CXX(cxx_if_init) { if (long y = x & 3; static_branch_unlikely(&corpus_far) && y) return ext1(y); return x; }
SHAPE_CXX(cxx_range) { long s = 0; for (long y : { 1, 2, 3 }) if (static_branch_unlikely(&corpus_hidden)) s += ext1(y); else s -= x; return s; }
SHAPE_CXX(cxx_nested_try) { long s = 0; for (long i = 0; i < 4; i++) { try { s += throws(x + i); } catch (long) { if (static_branch_unlikely(&corpus_c)) continue; s += 50; } catch (std::exception &) { if (static_branch_unlikely(&corpus_far)) break; s--; } } return s; }

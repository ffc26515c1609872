// Throws many thousands of exceptions through indirect calls of every kind C++
// has, and checks that each frame on the way is unwound: every destructor and
// every handler adds to a checksum, printed after each section.
//
//   g++ -std=c++17 -O2 -shared -fPIC -o libexceptions.so exceptions_lib.cpp
//   g++ -std=c++17 -O2 -o exceptions exceptions.cpp -L. -lexceptions -Wl,-rpath,'$ORIGIN'
#include "exceptions.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <numeric>
#include <unwind.h>
#include <vector>

namespace {

constexpr long kRounds = 1500;

void mix(long v) { checksum.mix(static_cast<std::uint64_t>(v)); }

// Runs body(n) for each n and counts what came out of it, by type.
template <typename Body> void section(const char *name, Body body)
{
	long thrown = 0;

	for (long n = 0; n < kRounds; n++) {
		try {
			mix(body(n));
			continue;
		} catch (const DerivedError &e) {
			mix(e.code * 3);
		} catch (const Error &e) {
			mix(e.code * 5);
			checksum.mix(e.what());
		} catch (const std::exception &e) {
			checksum.mix(e.what());
		} catch (long v) {
			mix(v);
		}
		thrown++;
	}
	std::printf("%-20s thrown %5ld  %016llx\n", name, thrown,
		    static_cast<unsigned long long>(checksum.value()));
}

// ---- plain pointers, try blocks, cold paths ---------------------------------

COLD long give_up(long n)
{
	if (n & 4)
		throw DerivedError(n);
	throw Error(n, "given up");
}

NOIPA long leaf(long n)
{
	if (__builtin_expect(n & 1, 0))
		return give_up(n);
	return n * 3;
}

NOIPA long throws_long(long n)
{
	if (n % 4 == 3)
		throw n;
	return n;
}

Callback volatile leaf_slot = leaf;
Callback volatile table[] = { leaf, throws_long, throw_by_thirds<long>, leaf };

struct Frame {
	long padding;
	Callback call;
};

// Target in a register and in memory, each with its own landing pad.
NOIPA long pointers(const Frame *frame, Callback f, long n)
{
	Trace outer(1);
	long total = 0;

	try {
		Trace inner(2);
		total += f(n);
		total += frame->call(n + 1);
	} catch (const DerivedError &e) {
		total -= e.code;
	}
	Trace last(3);
	return total + table[n & 3](n + 2);
}

// Values that live in callee-saved registers must be back for the handler.
NOIPA long registers_restored(Callback f, const long *in)
{
	long a = in[0], b = in[1], c = in[2], d = in[3], e = in[4];

	for (int i = 0; i < 3; i++) {
		try {
			a += f(b + i);
			b ^= c;
		} catch (const Error &error) {
			c += error.code, d -= a, e ^= d;
		}
	}
	return a + 3 * b + 5 * c + 7 * d + 11 * e;
}

// ---- arguments on the stack ---------------------------------------------------

NOIPA long ten(long a, long b, long c, long d, long e, long f, long g, long h, double x, std::string s)
{
	Trace trace(g & 15);

	if ((a + h) % 3 == 0)
		throw Error(a - h, s);
	return a + b - c + d - e + f - g + static_cast<long>(x) + static_cast<long>(s.size());
}

NOIPA long stack_arguments(decltype(&ten) *slot, long n)
{
	Trace trace(4);

	try {
		return (*slot)(n, 2, 3, 4, 5, 6, n, 8, 9.5, "a string too long for its small buffer");
	} catch (const Error &e) {
		return e.code + (*slot)(n + 1, 2, 3, 4, 5, 6, n, 8, 9.5, e.what());
	}
}

// ---- destructors ---------------------------------------------------------------

// Calls through a pointer while an exception may be in flight.
class CallsBack {
public:
	CallsBack(Callback f, long n) : f_(f), n_(n) {}
	CallsBack(const CallsBack &) = delete;
	CallsBack &operator=(const CallsBack &) = delete;
	~CallsBack()
	{
		mix(std::uncaught_exceptions());
		try {
			mix(f_(n_));
		} catch (const Error &e) {
			mix(e.code + 9);
		}
	}

private:
	Callback f_;
	long n_;
};

// Throws from its destructor, unless that would be a second exception.
class ThrowsLate {
public:
	ThrowsLate(Callback f, long n) : f_(f), n_(n) {}
	ThrowsLate(const ThrowsLate &) = delete;
	ThrowsLate &operator=(const ThrowsLate &) = delete;
	~ThrowsLate() noexcept(false)
	{
		if (!std::uncaught_exceptions())
			mix(f_(n_));
	}

private:
	Callback f_;
	long n_;
};

NOIPA long destructors(Callback f, long n)
{
	CallsBack first(f, n);
	ThrowsLate second(f, n + 1);
	CallsBack third(f, n + 2);

	return f(n % 7);
}

// ---- virtual calls ---------------------------------------------------------------

struct Both : Left, Right {
	long left(long n) override { return leaf_slot(n) + Left::padding; }
	long right(long n) override // reached through a this-adjusting thunk
	{
		if (n % 6 == 1)
			throw std::out_of_range("right");
		return n + Right::padding;
	}
	Both *self() override { return this; } // and through a return-adjusting one
};

struct LeftRoot : virtual Root {
	long root(long n) override // virtual-base thunk
	{
		Trace trace(5);

		if (n % 7 == 0)
			throw DerivedError(n);
		return n - base;
	}
};

struct RightRoot : virtual Root {
	long extra = 6;
};

struct Diamond final : LeftRoot, RightRoot {
	long root(long n) override { return LeftRoot::root(n) + extra; }
};

NOIPA long virtuals(Left *l, Right *r, Root *o, long n)
{
	Trace trace(6);

	try {
		return l->left(n) + r->self()->right(n) + o->root(n);
	} catch (const DerivedError &e) {
		return o->root(e.code + 1) + r->right(n + 1);
	}
}

// ---- members, function objects, lambdas ------------------------------------------

struct Machine {
	long state = 1;
	long step(long n)
	{
		state = (state * 31 + n) & 0xffff;
		return leaf_slot(state);
	}
	virtual ~Machine() = default;
	virtual long virtual_step(long n) { return throws_long(state + n); }
};

struct FastMachine : Machine {
	long virtual_step(long n) override { return throw_by_thirds(n) + state; }
};

NOIPA long members(Machine &m, long (Machine::*step)(long), long n)
{
	Trace trace(7);

	return (m.*step)(n);
}

NOIPA long functions(const std::vector<Function> &fs, long n)
{
	Trace trace(8);

	return std::accumulate(fs.begin(), fs.end(), 0L,
			       [n](long total, const Function &f) { return total + f(n + total % 5); });
}

// ---- rethrow, nesting, catch-all ---------------------------------------------------

NOIPA long rethrows(Callback f, long n)
{
	try {
		try {
			return f(n);
		} catch (...) {
			Trace trace(9);

			mix(1);
			throw;
		}
	} catch (const DerivedError &e) {
		std::exception_ptr kept = std::current_exception();

		if (e.code % 8 == 5)
			std::rethrow_exception(kept);
		return e.code;
	}
}

NOIPA long depth_of(const std::exception &e)
{
	checksum.mix(e.what());
	try {
		std::rethrow_if_nested(e);
	} catch (const std::exception &inner) {
		return depth_of(inner) + 1;
	}
	return 1;
}

NOIPA long nests(Callback f, long n, int depth)
{
	try {
		return depth ? nests(f, n, depth - 1) : f(n);
	} catch (...) {
		std::throw_with_nested(std::runtime_error("level " + std::to_string(depth)));
	}
}

// An exception handled while another is being handled.
NOIPA long overlapping(Callback f, long n)
{
	try {
		return f(n);
	} catch (const Error &outer) {
		try {
			return f(outer.code + 2);
		} catch (const Error &inner) {
			return inner.code * 3 - outer.code;
		}
	}
}

// ---- an exception of another language's runtime ---------------------------------------

struct Foreign {
	_Unwind_Exception header;
	long code;
};

NOIPA long raises_foreign(long n)
{
	Trace trace(11);

	if (n % 3)
		return n;
	auto *foreign = new Foreign{};
	foreign->header.exception_class = 0x464f524549474e00; // "FOREIGN"
	foreign->header.exception_cleanup = [](_Unwind_Reason_Code, _Unwind_Exception *e) {
		auto *dying = reinterpret_cast<Foreign *>(e);

		mix(dying->code);
		delete dying;
	};
	foreign->code = n * 11;
	_Unwind_RaiseException(&foreign->header);
	std::abort();
}

NOIPA long catches_foreign(Callback f, long n)
{
	try {
		Trace trace(12);

		return lib_call(f, n) + guarded(f, n + 1);
	} catch (...) {
		return n * 13;
	}
}

// ---- tail calls ----------------------------------------------------------------------

NOIPA long tail_register(long n, Callback f) { return f(n + 1); }
NOIPA long tail_memory(long n, const Frame *frame) { return frame->call(n - 1); }
NOIPA long tail_virtual(long n, Root *o) { return o->root(n); }

NOIPA long tails(const Frame *frame, Root *o, long n)
{
	Trace trace(10);

	try {
		return tail_register(n, frame->call) + tail_memory(n, frame);
	} catch (const Error &e) {
		return tail_virtual(e.code, o) + lib_tail(frame->call, n);
	}
}

// noexcept is a landing pad too: it ends the search, so nothing may reach it.
NOIPA long contained(Callback f, long n) noexcept
{
	return guarded(f, n) + guarded(hide(f), n + 1);
}

long deep(Callback f, long n, long depth)
{
	Trace trace(depth);

	return depth ? hide(&deep)(f, n, depth - 1) + 1 : f(n);
}

} // namespace

int main()
{
	Frame frame = { 0, leaf }, *fp = hide(&frame);
	Callback f = hide(&leaf), thirds = hide(&throw_by_thirds<long>);
	decltype(&ten) ten_slot = ten;
	Both both;
	Diamond diamond;
	LeftRoot left_root;
	FastMachine fast;
	Machine slow;
	std::vector<Function> fs = {
		leaf, throws_long, [&](long n) { return fast.virtual_step(n * n + 1); },
		lib_make_function(0), std::bind(lib_call, thirds, std::placeholders::_1),
	};
	Callback lambda = [](long n) -> long {
		if (n % 9 == 2)
			throw DerivedError(n);
		return n;
	};

	section("pointers", [&](long n) { return pointers(fp, f, n); });
	section("registers", [&](long n) {
		long in[] = { n, n + 1, n * 2, n ^ 5, 7 };
		return registers_restored(f, in);
	});
	section("stack arguments", [&](long n) { return stack_arguments(hide(&ten_slot), n); });
	section("destructors", [&](long n) { return destructors(thirds, n); });
	section("virtual", [&](long n) {
		Root *o = n & 1 ? static_cast<Root *>(&diamond) : &left_root;
		return virtuals(hide<Left *>(&both), hide<Right *>(&both), hide(o), n);
	});
	section("members", [&](long n) {
		Machine &m = n & 1 ? fast : slow;
		return members(m, n & 2 ? &Machine::step : &Machine::virtual_step, n);
	});
	section("functions", [&](long n) { return functions(fs, n); });
	section("lambdas", [&](long n) { return guarded(lambda, n) + hide(lambda)(n + 1); });
	section("rethrow", [&](long n) { return rethrows(f, n); });
	section("nested", [&](long n) {
		try {
			return nests(f, n, static_cast<int>(n % 6));
		} catch (const std::exception &e) {
			return depth_of(e);
		}
	});
	section("overlapping", [&](long n) { return overlapping(thirds, n); });
	section("foreign", [&](long n) { return catches_foreign(hide(&raises_foreign), n); });
	section("tail calls", [&](long n) { return tails(fp, hide<Root *>(&diamond), n); });
	section("noexcept", [&](long n) { return contained(thirds, n); });
	section("deep", [&](long n) { return deep(f, n, n % 40); });
	section("library calls", [&](long n) { return lib_call(thirds, n) + lib_call(lambda, n + 1); });
	section("library guards", [&](long n) { return lib_call_guarded(thirds, n); });
	section("library throws", [&](long n) { return lib_throw(n) + lib_callback(n)(n + 1); });
	section("library nests", [&](long n) {
		try {
			return lib_call(lib_callback(2), n);
		} catch (const std::exception &e) {
			return depth_of(e);
		}
	});
	section("library objects", [&](long n) {
		return lib_function(fs[static_cast<std::size_t>(n % 5)], n) +
		       lib_interfaces(both, both, diamond, n & ~1L) +
		       lib_member(both, &Left::left, n & 14);
	});
	std::puts("ok");
	return 0;
}

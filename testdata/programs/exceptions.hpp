// What exceptions.cpp and exceptions_lib.cpp share: the checksum, the exception
// types, the interfaces each side calls the other through, and templates that
// both instantiate, so that the linker must choose between two COMDAT copies.
#ifndef EXCEPTIONS_HPP
#define EXCEPTIONS_HPP

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

#define NOIPA __attribute__((noipa))
#define COLD __attribute__((cold, noinline))
#define EXPORT __attribute__((visibility("default")))

// The optimiser no longer knows what this pointer is.
template <typename T> inline T hide(T p)
{
	__asm__ volatile("" : "+r"(p));
	return p;
}

class Checksum {
public:
	void mix(std::uint64_t v)
	{
		sum_ = (sum_ ^ v) * 0x100000001b3u;
		sum_ ^= sum_ >> 29;
	}
	void mix(const std::string &s)
	{
		for (unsigned char c : s)
			mix(c);
	}
	std::uint64_t value() const { return sum_; }

private:
	std::uint64_t sum_ = 0xcbf29ce484222325u;
};

extern EXPORT Checksum checksum;

struct EXPORT Error : std::runtime_error {
	Error(long code, const std::string &what) : std::runtime_error(what), code(code) {}
	~Error() override;
	long code;
};

struct EXPORT DerivedError final : Error {
	explicit DerivedError(long code) : Error(code, "derived") {}
	~DerivedError() override;
};

// Mixes its number in when it dies: every unwound frame leaves a trace.
class Trace {
public:
	explicit Trace(long n) : n_(n) {}
	Trace(const Trace &) = delete;
	Trace &operator=(const Trace &) = delete;
	~Trace() { checksum.mix(static_cast<std::uint64_t>(n_) | 0x1000); }

private:
	long n_;
};

struct EXPORT Left {
	virtual ~Left();
	virtual long left(long n) = 0;
	long padding = 1;
};

struct EXPORT Right {
	virtual ~Right();
	virtual long right(long n) = 0;
	virtual Right *self() { return this; }
	long padding = 2;
};

struct EXPORT Root {
	virtual ~Root();
	virtual long root(long n);
	long base = 5;
};

using Callback = long (*)(long);
using Function = std::function<long(long)>;

// Throws for a third of all n; both sides instantiate it.
template <typename T> NOIPA T throw_by_thirds(T n)
{
	Trace trace(static_cast<long>(n) & 63);

	if (__builtin_expect(n % 3 == 0, 0))
		throw Error(static_cast<long>(n), "third");
	return n * 2;
}

// A COMDAT function with a landing pad and an indirect call of its own.
template <typename F> NOIPA long guarded(F &&f, long n)
{
	Trace trace(n & 31);

	try {
		return f(n) + 1;
	} catch (const DerivedError &e) {
		return -e.code;
	} catch (const Error &e) {
		return e.code * 7;
	}
}

extern "C" {
EXPORT long lib_call(Callback f, long n);
EXPORT long lib_call_guarded(Callback f, long n);
EXPORT long lib_tail(Callback f, long n);
EXPORT long lib_throw(long n);
EXPORT Callback lib_callback(long which);
}
EXPORT long lib_function(const Function &f, long n);
EXPORT Function lib_make_function(long bias);
EXPORT long lib_interfaces(Left &l, Right &r, Root &o, long n);
EXPORT long lib_member(Left &l, long (Left::*m)(long), long n);

#endif

// The shared library's half of exceptions.cpp: it is handed callbacks that throw,
// hands back callbacks that throw, and unwinds through its own frames.
//
//   g++ -std=c++17 -O2 -shared -fPIC -o libexceptions.so exceptions_lib.cpp
#include "exceptions.hpp"

Checksum checksum;

Error::~Error() = default;
DerivedError::~DerivedError() = default;
Left::~Left() = default;
Right::~Right() = default;
Root::~Root() = default;
long Root::root(long n) { return n + base; }

namespace {

COLD void refuse(long n)
{
	throw DerivedError(n);
}

NOIPA long every_fifth(long n)
{
	Trace trace(40);

	if (__builtin_expect(n % 5 == 0, 0))
		refuse(n);
	return n + 5;
}

NOIPA long by_thirds(long n) { return throw_by_thirds(n); }

// Replaces whatever passes through by an Error that holds it.
NOIPA long nesting(long n)
{
	try {
		return hide(&every_fifth)(n);
	} catch (...) {
		std::throw_with_nested(Error(n, "nesting"));
	}
}

Callback volatile callbacks[] = { every_fifth, by_thirds, nesting };

} // namespace

long lib_call(Callback f, long n)
{
	Trace trace(50);

	return f(n) ^ 1;
}

long lib_call_guarded(Callback f, long n)
{
	return guarded(f, n) + guarded([f](long m) { return f(m + 1); }, n);
}

long lib_tail(Callback f, long n)
{
	return f(n);
}

long lib_throw(long n)
{
	Callback f = callbacks[n % 3];

	return f(n) + f(n + 1);
}

Callback lib_callback(long which)
{
	return callbacks[which % 3];
}

long lib_function(const Function &f, long n)
{
	Trace trace(51);

	return f(n) - 1;
}

Function lib_make_function(long bias)
{
	return [bias, keep = std::string(40, 'k')](long n) {
		Trace trace(52);

		return lib_callback(bias)(n) + static_cast<long>(keep.size());
	};
}

long lib_interfaces(Left &l, Right &r, Root &o, long n)
{
	long total = l.left(n);

	try {
		total += r.self()->right(n + 1);
	} catch (const std::out_of_range &) {
		total += 1000;
	}
	return total + o.root(n + 2);
}

long lib_member(Left &l, long (Left::*m)(long), long n)
{
	return (l.*m)(n);
}

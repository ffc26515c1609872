// throws.cpp - probes that throw, from markers in functions with cleanups, templates and unnamed namespaces.
#include <cstdio>
#include <stdexcept>
#include <string>

#include <asmrewrite/marker.h>

static int cleaned;

struct cleanup {
	~cleanup() { cleaned++; MARK(in_destructor, "%d", cleaned); }
};

static void thrower(const asmrewrite_marker *marker, void *, const char *, va_list *arguments)
{
	if (va_arg(*arguments, int) == 3)
		throw std::runtime_error(marker->name);
}

namespace {
__attribute__((noinline)) int hidden(int x) { cleanup c; MARK(in_hidden, "%d", x); return x; }
template <class T> __attribute__((noinline)) T templated(T x) { cleanup c; MARK(in_template, "%d", static_cast<int>(x)); return x; }
}
namespace named {
template <class T> struct holder {
	T go(T x) { cleanup c; auto f = [&] { MARK(in_lambda, "%d", static_cast<int>(x)); return x; }; return f(); }
};
}

template <class F> static void attempt(F f)
{
	try {
		f(3);
		std::printf("nothing\n");
	} catch (const std::exception &error) {
		std::printf("%s, %d cleaned\n", error.what(), cleaned);
	}
}

static void all()
{
	attempt([](int x) { return hidden(x); });
	attempt([](int x) { return templated<int>(x); });
	attempt([](int x) { return templated<double>(x); });
	attempt([](int x) { return named::holder<long>().go(x); });
}

int main()
{
	all();
	std::printf("%zu\n", marker_connect("in_[hlt]*", thrower, nullptr) > 3);
	all();
	marker_disconnect("*", thrower, nullptr);
	all();
}

/* static_library.c - calls what its program changes. */
#include "static_shared.h"

int library_call(int a, int b)
{
	int result = static_call(combine)(a, b);

	static_call(hook)(0);
	return result;
}

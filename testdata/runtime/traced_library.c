/* traced_library.c - a function and a marker in a library that is loaded late. */
#include <asmrewrite/marker.h>

int counted_in_library(int number)
{
	MARK(mark_library, "%d", number);
	if (number == 1)
		return 1;
	number = counted_in_library(number - 1);
	__asm__ volatile("" : "+r"(number));	/* not a loop */
	return number + 1;
}

/* library.c - a shared object with a marker, opened and closed while its marker is connected. */
#include <asmrewrite/marker.h>

int in_library(int x)
{
	MARK(library_entry, "%d", x);
	return x;
}

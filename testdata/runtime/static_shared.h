/* static_shared.h - the static calls of static_main.c, which static_library.c makes too. */
#include <asmrewrite/static_call.h>

int add(int a, int b);
int subtract(int a, int b);
void note(int x);

DECLARE_STATIC_CALL(combine, add);
DECLARE_STATIC_CALL(hook, note);
DECLARE_STATIC_CALL(filter, add);

int library_call(int a, int b);

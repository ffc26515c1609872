/* asmrewrite/optout.h - keep asmrewrite away from a file or a function.
 *
 * Both macros leave a comment in the assembly and nothing in the object.
 *
 *	ASMREWRITE_SKIP_FILE;                 at file scope: no pass touches this file
 *	void f(void) { ASMREWRITE_SKIP_FUNCTION; ... }
 *
 * ASMREWRITE_SKIP_FILE_PASSES("relpoline") and ASMREWRITE_SKIP_FUNCTION_PASSES("relpoline static-call") name
 * the passes that shall keep away. A function that the compiler inlines takes its mark to where it goes.
 */
#ifndef ASMREWRITE_OPTOUT_H
#define ASMREWRITE_OPTOUT_H

#define ASMREWRITE_SKIP_FILE			__asm__("\t# asmrewrite: skip-file")
#define ASMREWRITE_SKIP_FILE_PASSES(passes)	__asm__("\t# asmrewrite: skip-file " passes)
#define ASMREWRITE_SKIP_FUNCTION		__asm__ __volatile__("# asmrewrite: skip-function")
#define ASMREWRITE_SKIP_FUNCTION_PASSES(passes)	__asm__ __volatile__("# asmrewrite: skip-function " passes)

/* In a function: it cannot be traced (asmrewrite/ops.h). */
#define ASMREWRITE_NO_OPS			ASMREWRITE_SKIP_FUNCTION_PASSES("call-ops")

#endif

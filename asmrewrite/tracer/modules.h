/* modules.h - the program and its shared objects: where they lie, and enabling what the settings name in them. */
#ifndef TRACE_MODULES_H
#define TRACE_MODULES_H

/* Tell the reader where all modules lie, unless none has come since the last time. */
void asmrewrite_trace_tell_modules(void);

#endif

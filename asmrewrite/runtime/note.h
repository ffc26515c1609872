/* note.h - how the runtimes of several modules find each other: an ELF note with the distance to a struct (module.h). */
#ifndef ASMREWRITE_NOTE_H
#define ASMREWRITE_NOTE_H

#define NOTE_NAME	"asmrewrite"
#define NOTE_MODULE	1

#endif

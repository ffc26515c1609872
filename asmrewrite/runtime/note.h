/* note.h - how the runtimes of several modules find each other: an ELF note with the distance to a function. */
#ifndef ASMREWRITE_NOTE_H
#define ASMREWRITE_NOTE_H

#define NOTE_NAME	"asmrewrite"
#define NOTE_REFRESH	1	/* void refresh(void): bring the sites to what the keys say */

#endif

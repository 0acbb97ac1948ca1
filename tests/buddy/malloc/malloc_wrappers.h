/* malloc_wrappers.h: what a program may ask of malloc_wrappers.c when it is linked to it. */
#ifndef MALLOC_WRAPPERS_H
#define MALLOC_WRAPPERS_H

/* Called in a wrapper, on the thread that called it, before it goes on. */
typedef void wrapped_hook(const char *name);

void wrapped_set_hook(wrapped_hook *now); /* NULL: none */
void wrapped_stop(void);                  /* from now on the wrappers allocate nothing */
unsigned wrapped_calls(void);             /* of all wrappers so far */

#endif

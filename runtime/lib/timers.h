/* POSIX timers, while the process stops, is written and is made again. */
#ifndef POPCORN_TIMERS_H
#define POPCORN_TIMERS_H

#include "libc.h"
#include "park.h"

extern hidden struct popcorn_lock popcorn_timers_lock;

/* A thread is about to park, its signals blocked and t->pending known: of that the timers' part is taken away. */
hidden void popcorn_timers_stop(struct popcorn_thread *);
hidden void popcorn_timers_go_on(void); /* here, after all */
hidden int popcorn_timers_write(struct popcorn_buffer *, uint32_t image_flags, struct popcorn_text *error); /* -1: *error, or no memory */

hidden int popcorn_timers_note(const struct popcorn_posix_timer *); /* of an image, into the table; -1: no memory */
hidden void popcorn_timers_make(const struct popcorn_thread *owner, int moved); /* by the thread whose time they count, or 0: all others */

hidden void popcorn_timers_after_fork(void);

#endif

/* Between park.c (stops the threads), request.c (talks to popcorn), move.c and image.c (act while all are stopped). */
#ifndef POPCORN_PARK_H
#define POPCORN_PARK_H

#include "arch.h"
#include "popcorn.h"
#include "text.h"

struct popcorn_order { /* a request under way; one at a time */
	int connection;                 /* socket to popcorn, -1: the program's own move (POPCORN_MOVE) */
	int fd;                         /* what came along: image file or executable; -1 none */
	uint32_t op, isa, flags;
	uint32_t thread, node;          /* THREAD: which, where to */
	char text[POPCORN_TEXT_MAX + 1];
	uint32_t text_bytes;
	uint64_t started, deadline;     /* CLOCK_MONOTONIC, ns */
	struct popcorn_text error;      /* why it was refused */
	uint64_t image_bytes;
};

/* request.c */
hidden int popcorn_order_take(struct popcorn_order *, int sender_pid); /* connects and reads; -1: nobody there */
hidden void popcorn_order_answer(struct popcorn_order *, uint32_t status); /* with order->error as text */
hidden void popcorn_order_close(struct popcorn_order *);
hidden int popcorn_order_confirmed(struct popcorn_order *); /* popcorn says that the image is safe */
hidden void popcorn_order_resume_answer(int connection, uint32_t threads, uint64_t frames); /* after a move, in restore.c */

/* image.c: all threads stopped. Writes an image; -1 with order->error set. */
hidden int popcorn_image_write(struct popcorn_order *, int fd, uint32_t flags, int exe_fd, int reply_fd);

/* move.c: all threads stopped. Returns only when it failed, order->error set. */
hidden void popcorn_move(struct popcorn_order *);
hidden int popcorn_move_prepare(struct popcorn_order *); /* the program's own move: find the next ISA's executable */

/* park.c */
enum { POPCORN_OP_GATHER = 1 << 16 }; /* of the process itself only: it is to be on one node */
/* A request of the process itself, as if popcorn had made it: about this thread, and a node of the machine. */
hidden void popcorn_ask_itself(struct popcorn_thread *, const struct popcorn_registers *, uint32_t op, unsigned node);

/* places.c */
hidden int popcorn_assign(struct popcorn_order *); /* THREAD; all threads stopped. -1 with order->error set */
hidden void popcorn_gather(void); /* the process is on one node again; all threads stopped */
hidden struct popcorn_registers *popcorn_take_place(struct popcorn_thread *, struct popcorn_registers *); /* at the origin: goes if it is to be elsewhere */
hidden void popcorn_roam(struct popcorn_thread *); /* for tests: to another of the machine's nodes */
hidden void popcorn_go_home(struct popcorn_thread *, const struct popcorn_registers *); /* guest.c; returns when it can't be unwound here */

struct popcorn_buffer { char *p; size_t n, capacity; }; /* notes; grows in private pages */
hidden int popcorn_note(struct popcorn_buffer *, uint32_t type, const void *a, size_t an, const void *b, size_t bn);
hidden void popcorn_status(struct popcorn_buffer *); /* status.c: text, appended */
hidden void popcorn_order_report(struct popcorn_order *); /* request.c: answers STATUS */
hidden uint32_t popcorn_crc(uint32_t crc, const void *, size_t);

/* files.c: notes of all open files but the runtime's own; -1 with *error set. */
hidden int popcorn_files_write(struct popcorn_buffer *, uint32_t image_flags, const int *own, size_t nown, struct popcorn_text *error);
hidden void popcorn_files_cloexec(int set); /* MOVE: clear FD_CLOEXEC where it is set; set it again if the exec failed */
hidden int popcorn_file_restore(const struct popcorn_file *, const char *path, struct popcorn_text *error);

#endif

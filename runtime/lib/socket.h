/* Conversations over Unix sockets: whole messages, and descriptors that come along. */
#ifndef POPCORN_SOCKET_H
#define POPCORN_SOCKET_H

#include "kernel.h"

struct popcorn_address { uint16_t family; char path[108]; };
enum { AF_UNIX = 1, SOCK_STREAM = 1, SOL_SOCKET = 1 };

hidden long popcorn_dial(const struct popcorn_address *, size_t path_bytes); /* a high descriptor, or -errno */
hidden int popcorn_trusts(int fd); /* the peer is the program's own user, or root */
hidden int popcorn_receive(int fd, void *, size_t); /* all of it; 0 or -1 */
hidden int popcorn_transmit(int fd, const void *, size_t);
/* The same; with a descriptor if there is one: a high one, or -1. */
hidden int popcorn_receive_with(int fd, void *, size_t, int *with);
hidden int popcorn_transmit_with(int fd, const void *, size_t, int with);

#endif

/* A stream of messages that outlives its connections. */
#ifndef POPCORN_LINK_H
#define POPCORN_LINK_H

#include "protocol.h"

struct popcorn_link {
	unsigned char *bytes;         /* messages in order: those the peer may not have, then those that were not written yet */
	size_t capacity;
	size_t begin, cursor, end;    /* of what is kept; up to where it was written to this connection */
	uint64_t forgotten;           /* sequence number of the last message that is not kept any more */
	uint64_t sent, heard, told;   /* last number given, last number taken, last one that the peer was told of */
};

enum { DSM_HEARD_EVERY = 32 };

/* Appends a message, and what is behind it. -1: no room; popcorn_link_room first. */
hidden int popcorn_link_put(struct popcorn_link *, const struct popcorn_dsm_message *, const void *behind);
hidden void popcorn_link_room(struct popcorn_link *, void *bytes, size_t capacity); /* larger, instead of what there was */

/* What to write to the connection: where it begins, and how much there is of it. */
hidden size_t popcorn_link_unwritten(const struct popcorn_link *, const unsigned char **);
hidden void popcorn_link_wrote(struct popcorn_link *, size_t);

/* A message came, and was checked. 1: it is new, deliver it; 0: it was delivered before; -1: no such peer. */
hidden int popcorn_link_take(struct popcorn_link *, const struct popcorn_dsm_message *);
hidden int popcorn_link_owes(const struct popcorn_link *); /* send HEARD, or the peer keeps what we have long since heard */

/* There is a new connection, and its HELLO says up to where the peer has heard us. -1: that can't be. */
hidden int popcorn_link_resume(struct popcorn_link *, uint64_t heard);

#endif

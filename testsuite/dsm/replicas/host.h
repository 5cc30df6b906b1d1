/* A real node in a process of its own: what libpopcorn will be around runtime/dsm. */
#ifndef REPLICAS_HOST_H
#define REPLICAS_HOST_H

#include "node.h"

#define COMMON 0x2000000000ul

extern struct popcorn_node node;

/* Maps `npages` at COMMON and begins to serve. `fds`: to each remote, or to the origin. Exits with a message if it can't. */
void host_begin(unsigned number, unsigned nodes, uint64_t npages, char **fds);
void host_has_finished(void); /* this node's threads have done their work: the origin may go */
void host_wait_for_the_end(void); /* of the origin */

#endif

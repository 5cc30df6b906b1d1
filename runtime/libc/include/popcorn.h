/* popcorn.h: a program on a machine of several nodes (popcorn machine up, popcorn run --machine). Nodes are numbered as `popcorn
 * nodes` lists them. Where there is no machine there is one node, number 0. */
#ifndef _POPCORN_H
#define _POPCORN_H

#ifdef __cplusplus
extern "C" {
#endif

/* The calling thread goes on at that node; memory, files and its number stay what they are. Returns 0 there, or -1: EINVAL, no
 * such node; EAGAIN, it can't leave now, or that node can't take it (a message says why). */
int popcorn_migrate(int __node);

int popcorn_node(void);  /* where the calling thread is */
int popcorn_nodes(void); /* how many nodes the machine has */

#ifdef __cplusplus
}
#endif

#endif

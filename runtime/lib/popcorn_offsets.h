/* What assembly knows of C's structures; park.c asserts that they agree. */
#ifndef POPCORN_OFFSETS_H
#define POPCORN_OFFSETS_H

#define POPCORN_T_IN_HANDLER 20
#define POPCORN_T_RUNTIME_TOP 64

/* words of a jmp_buf; the callee-saved registers begin at POPCORN_JB_SAVED in the order of arch.h */
#define POPCORN_JB_CSP 0
#define POPCORN_JB_GENERATION 1
#define POPCORN_JB_SITE 2       /* site id, POPCORN_NO_SITE if unknown */
#define POPCORN_JB_HANDLERS 3   /* in_handler when it was filled */
#define POPCORN_JB_SP 4
#define POPCORN_JB_RA 5
#define POPCORN_JB_SAVED 6
#define POPCORN_JB_HAS_MASK 30  /* siglongjmp restores the mask */
#define POPCORN_JB_MASK 31

#endif

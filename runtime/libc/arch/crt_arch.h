/* The entry point is libpopcorn's (runtime/lib/start.c), which calls __popcorn_start of src/crt/crt1.c. */

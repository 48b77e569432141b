/*
 * One vector: its setup, then its callers, each a thread.
 */
#ifndef RUN_H
#define RUN_H

#include <stdio.h>

struct json;

/*
 * Make the calls of a run request and write the members `setup` and `history` of the answer. Returns NULL, or why the
 * request cannot be carried out, and then nothing was written.
 */
const char *run_vector(const struct json *request, FILE *out);

#endif

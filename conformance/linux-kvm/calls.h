/*
 * The calls that a vector can make, each one system call (or two) on real descriptors.
 */
#ifndef CALLS_H
#define CALLS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define MAX_DESCRIPTORS 128
#define MAX_ARGUMENTS 5

enum result_kind {
	RESULT_ERRNO,		/* value is the errno */
	RESULT_NUMBER,
	RESULT_BOOLEAN,
	RESULT_HANDLE,		/* value is the descriptor */
};

struct result {
	enum result_kind kind;
	unsigned long long value;
};

struct guest;

/*
 * Descriptors of one run. A number is never used twice in a run: a call on a closed descriptor has to fail with EBADF, and
 * not to reach what somebody else opened in the meantime.
 */
struct descriptors {
	pthread_mutex_t lock;
	int numbers[MAX_DESCRIPTORS];
	int used;
	struct guest *guests;
};

void descriptors_init(struct descriptors *d);

/* Close what the run left open. No call may be under way. */
void descriptors_close(struct descriptors *d);

struct result of_errno(int error);
struct result of_number(unsigned long long number);

/* What a system call that returns 0 or -1 has come to. */
struct result of_status(int status);

/* Move a new descriptor, or -1 with errno set, to a number of its own. */
struct result keep(struct descriptors *d, int fd);

struct call {
	const char *name;
	const char *arguments;	/* one letter each: f a descriptor, n a number */
	struct result (*make)(struct descriptors *d, const long long *arguments);
};

extern const struct call calls[];
extern const size_t calls_count;

const struct call *call_find(const char *name);

/* Open /dev/kvm and see that it works; NULL or the reason why not, in a sentence. */
const char *kvm_open(void);

#endif

/*
 * A guest that does one thing: write to a port, in the real mode of an x86 processor.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>

struct guest;

/*
 * Give the machine a virtual processor and a page of memory with a program in it. Returns NULL with errno set. `vcpu` becomes the
 * processor's descriptor, which is the caller's.
 */
struct guest *guest_create(int vm, int *vcpu);

/* The guest whose processor has this descriptor; `vcpu` may have been given another number by then. */
void guest_renumber(struct guest *guest, int vcpu);
struct guest *guest_find(struct guest *first, int vcpu);

/* Put it in front of a list; returns the new first. */
struct guest *guest_link(struct guest *guest, struct guest *first);

/*
 * Run until the guest has written. 1 if the kernel took the write, 0 if it asked what to do with it, -1 with errno set. `length` is 1, 2
 * or 4; port 128 is not for this.
 */
int guest_write_port(struct guest *guest, unsigned int port, unsigned int length, unsigned int data);

/* Let go of the processor: only its descriptor keeps it from now on. */
void guest_detach(struct guest *guest);

/* Free all of the list. No processor may be running. */
void guests_free(struct guest *first);

#endif

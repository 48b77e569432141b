/*
 * The calls about ioeventfds, and about the guests whose writes they turn into events.
 */
#ifndef IOEVENTFD_H
#define IOEVENTFD_H

#include "calls.h"

struct result create_vcpu(struct descriptors *d, const long long *arguments);
struct result write_port(struct descriptors *d, const long long *arguments);
struct result close_vcpu(struct descriptors *d, const long long *arguments);
struct result assign_port(struct descriptors *d, const long long *arguments);
struct result assign_port_data(struct descriptors *d, const long long *arguments);
struct result assign_port_with_flags(struct descriptors *d, const long long *arguments);
struct result assign_memory(struct descriptors *d, const long long *arguments);
struct result deassign_port(struct descriptors *d, const long long *arguments);
struct result deassign_port_data(struct descriptors *d, const long long *arguments);
struct result deassign_memory(struct descriptors *d, const long long *arguments);
struct result register_zone(struct descriptors *d, const long long *arguments);
struct result unregister_zones(struct descriptors *d, const long long *arguments);

#endif

#include "ioeventfd.h"

#include "guest.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct result create_vcpu(struct descriptors *d, const long long *arguments)
{
	struct result result;
	int vcpu;
	struct guest *guest = guest_create(arguments[0], &vcpu);

	if (!guest)
		return of_errno(errno);
	result = keep(d, vcpu);
	if (result.kind != RESULT_HANDLE) {
		guests_free(guest);
		return result;
	}
	guest_renumber(guest, result.value);
	pthread_mutex_lock(&d->lock);
	d->guests = guest_link(guest, d->guests);
	pthread_mutex_unlock(&d->lock);
	return result;
}

static struct guest *guest_of(struct descriptors *d, int vcpu)
{
	struct guest *guest;

	pthread_mutex_lock(&d->lock);
	guest = guest_find(d->guests, vcpu);
	pthread_mutex_unlock(&d->lock);
	return guest;
}

/* Whether the kernel took the write. One processor is run by one caller at a time. */
struct result write_port(struct descriptors *d, const long long *arguments)
{
	struct guest *guest = guest_of(d, arguments[0]);
	int taken = guest ? guest_write_port(guest, arguments[1], arguments[2], arguments[3]) : -1;

	if (!guest)
		return of_errno(EBADF);
	if (taken < 0)
		return of_errno(errno);
	return (struct result){ .kind = RESULT_BOOLEAN, .value = taken };
}

struct result close_vcpu(struct descriptors *d, const long long *arguments)
{
	struct guest *guest = guest_of(d, arguments[0]);

	if (guest)
		guest_detach(guest);
	return of_status(close(arguments[0]));
}

static struct result ioeventfd(const long long *arguments, uint32_t flags, uint64_t data)
{
	struct kvm_ioeventfd args = {
		.fd = arguments[1],
		.addr = arguments[2],
		.len = arguments[3],
		.flags = flags,
		.datamatch = data,
	};

	return of_status(ioctl(arguments[0], KVM_IOEVENTFD, &args));
}

struct result assign_port(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return ioeventfd(arguments, KVM_IOEVENTFD_FLAG_PIO, 0);
}

struct result assign_port_data(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return ioeventfd(arguments, KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH, arguments[4]);
}

struct result assign_port_with_flags(struct descriptors *d, const long long *arguments)
{
	long long any_length[] = { arguments[0], arguments[1], arguments[2], 0 };

	(void)d;
	return ioeventfd(any_length, arguments[3], 0);
}

struct result assign_memory(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return ioeventfd(arguments, 0, 0);
}

struct result deassign_port(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return ioeventfd(arguments, KVM_IOEVENTFD_FLAG_DEASSIGN | KVM_IOEVENTFD_FLAG_PIO, 0);
}

struct result deassign_port_data(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return ioeventfd(arguments, KVM_IOEVENTFD_FLAG_DEASSIGN | KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DATAMATCH, arguments[4]);
}

struct result deassign_memory(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return ioeventfd(arguments, KVM_IOEVENTFD_FLAG_DEASSIGN, 0);
}

static struct result coalesced_zone(const long long *arguments, unsigned long request)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = arguments[1], .size = 1, .pio = 1 };

	return of_status(ioctl(arguments[0], request, &zone));
}

struct result register_zone(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return coalesced_zone(arguments, KVM_REGISTER_COALESCED_MMIO);
}

struct result unregister_zones(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return coalesced_zone(arguments, KVM_UNREGISTER_COALESCED_MMIO);
}

#include "calls.h"

#include "guest.h"
#include "ioeventfd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#if !defined(__x86_64__) && !defined(__i386__)
#error "Interrupts are looked for in the PIC, which only x86 has."
#endif

/* Lower numbers are left to what the C library and the creating calls themselves open for a moment. */
#define FIRST_DESCRIPTOR 128

static int kvm_fd = -1;

struct result of_errno(int error)
{
	return (struct result){ .kind = RESULT_ERRNO, .value = error };
}

struct result of_number(unsigned long long number)
{
	return (struct result){ .kind = RESULT_NUMBER, .value = number };
}

struct result of_status(int status)
{
	return status < 0 ? of_errno(errno) : of_number(0);
}

void descriptors_init(struct descriptors *d)
{
	pthread_mutex_init(&d->lock, NULL);
	d->used = 0;
	d->guests = NULL;
}

void descriptors_close(struct descriptors *d)
{
	for (int i = 0; i < d->used; i++)
		close(d->numbers[i]);
	guests_free(d->guests);
	pthread_mutex_destroy(&d->lock);
}

struct result keep(struct descriptors *d, int fd)
{
	struct result result;
	int lowest, kept;

	if (fd < 0)
		return of_errno(errno);
	pthread_mutex_lock(&d->lock);
	lowest = d->used ? d->numbers[d->used - 1] + 1 : FIRST_DESCRIPTOR;
	if (d->used == MAX_DESCRIPTORS) {
		result = of_errno(EMFILE);
	} else if ((kept = fcntl(fd, F_DUPFD_CLOEXEC, lowest)) < 0) {
		result = of_errno(errno);
	} else {
		d->numbers[d->used++] = kept;
		result = (struct result){ .kind = RESULT_HANDLE, .value = kept };
	}
	pthread_mutex_unlock(&d->lock);
	close(fd);
	return result;
}

static struct result create_vm(struct descriptors *d, const long long *arguments)
{
	(void)arguments;
	return keep(d, ioctl(kvm_fd, KVM_CREATE_VM, 0));
}

static struct result create_interrupt_controller(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return of_status(ioctl(arguments[0], KVM_CREATE_IRQCHIP));
}

static struct result create_eventfd(struct descriptors *d, const long long *arguments)
{
	(void)arguments;
	return keep(d, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

static struct result create_eventfd_with(struct descriptors *d, const long long *arguments)
{
	if (arguments[0] < 0 || arguments[0] > UINT32_MAX)
		return of_errno(EINVAL);
	return keep(d, eventfd(arguments[0], EFD_NONBLOCK | EFD_CLOEXEC));
}

static struct result open_other_file(struct descriptors *d, const long long *arguments)
{
	(void)arguments;
	return keep(d, open("/dev/null", O_RDWR | O_CLOEXEC));
}

static struct result irqfd(const long long *arguments, uint32_t flags, uint32_t resample_fd)
{
	struct kvm_irqfd args = {
		.fd = arguments[1],
		.gsi = arguments[2],
		.flags = flags,
		.resamplefd = resample_fd,
	};

	return of_status(ioctl(arguments[0], KVM_IRQFD, &args));
}

static struct result assign(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return irqfd(arguments, 0, 0);
}

static struct result assign_resample(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return irqfd(arguments, KVM_IRQFD_FLAG_RESAMPLE, arguments[3]);
}

static struct result assign_with_flags(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return irqfd(arguments, arguments[3], 0);
}

static struct result deassign(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return irqfd(arguments, KVM_IRQFD_FLAG_DEASSIGN, 0);
}

static struct result signal_eventfd(struct descriptors *d, const long long *arguments)
{
	uint64_t one = 1;

	(void)d;
	return write(arguments[0], &one, sizeof(one)) < 0 ? of_errno(errno) : of_number(0);
}

static struct result read_count(struct descriptors *d, const long long *arguments)
{
	uint64_t count;
	ssize_t length = read(arguments[0], &count, sizeof(count));

	(void)d;
	if (length < 0)
		return of_errno(errno);
	/* Only an eventfd hands out eight bytes at once. */
	return length == sizeof(count) ? of_number(count) : of_errno(EINVAL);
}

static struct result close_descriptor(struct descriptors *d, const long long *arguments)
{
	(void)d;
	return of_status(close(arguments[0]));
}

/*
 * Whether the PIC has latched an edge. An irqfd of a PIC pin is injected by a work item, so after a signal this can still be
 * false for a while.
 */
static struct result pending_interrupt(struct descriptors *d, const long long *arguments)
{
	long long gsi = arguments[1];
	struct kvm_irqchip chip = { .chip_id = gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE };

	(void)d;
	if (gsi < 0 || gsi > 15)
		return of_errno(EINVAL);
	if (ioctl(arguments[0], KVM_GET_IRQCHIP, &chip) < 0) {
		/* Without an interrupt controller nothing can be pending. */
		if (errno == ENXIO)
			return (struct result){ .kind = RESULT_BOOLEAN, .value = false };
		return of_errno(errno);
	}
	return (struct result){ .kind = RESULT_BOOLEAN, .value = chip.chip.pic.irr >> (gsi & 7) & 1 };
}

static struct kvm_irq_routing_entry route(uint32_t gsi, uint32_t chip, uint32_t pin)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

/* The routing that the interrupt controller was created with, once more: 24 pins of the IOAPIC, the first 16 of the PICs too. */
static struct result update_routing(struct descriptors *d, const long long *arguments)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[24 + 16];
	} routing = { .head.nr = 24 + 16 };
	struct kvm_irq_routing_entry *entry = routing.entries;

	(void)d;
	for (uint32_t gsi = 0; gsi < 24; gsi++) {
		*entry++ = route(gsi, KVM_IRQCHIP_IOAPIC, gsi);
		if (gsi < 16)
			*entry++ = route(gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, gsi & 7);
	}
	return of_status(ioctl(arguments[0], KVM_SET_GSI_ROUTING, &routing));
}

const struct call calls[] = {
	{ "createVm", "", create_vm },
	{ "createInterruptController", "f", create_interrupt_controller },
	{ "createEventfd", "", create_eventfd },
	{ "createEventfdWith", "n", create_eventfd_with },
	{ "openOtherFile", "", open_other_file },
	{ "assign", "ffn", assign },
	{ "assignResample", "ffnf", assign_resample },
	{ "assignWithFlags", "ffnn", assign_with_flags },
	{ "deassign", "ffn", deassign },
	{ "signal", "f", signal_eventfd },
	{ "readCount", "f", read_count },
	{ "closeFd", "f", close_descriptor },
	{ "closeVm", "f", close_descriptor },
	{ "pendingInterrupt", "fn", pending_interrupt },
	{ "updateRouting", "f", update_routing },
	{ "createVcpu", "f", create_vcpu },
	{ "closeVcpu", "f", close_vcpu },
	{ "writePort", "fnnn", write_port },
	{ "assignPort", "ffnn", assign_port },
	{ "assignPortData", "ffnnn", assign_port_data },
	{ "assignPortWithFlags", "ffnn", assign_port_with_flags },
	{ "assignMemory", "ffnn", assign_memory },
	{ "deassignPort", "ffnn", deassign_port },
	{ "deassignPortData", "ffnnn", deassign_port_data },
	{ "deassignMemory", "ffnn", deassign_memory },
	{ "registerZone", "fn", register_zone },
	{ "unregisterZones", "fn", unregister_zones },
};
const size_t calls_count = sizeof(calls) / sizeof(calls[0]);

const struct call *call_find(const char *name)
{
	for (size_t i = 0; i < calls_count; i++) {
		if (!strcmp(calls[i].name, name))
			return &calls[i];
	}
	return NULL;
}

const char *kvm_open(void)
{
	static char reason[128];
	int vm;

	kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0) {
		snprintf(reason, sizeof(reason), "/dev/kvm cannot be opened: %s.", strerror(errno));
		return reason;
	}
	if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQFD) <= 0)
		return "This kernel's KVM has no irqfds.";
	vm = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (vm < 0) {
		snprintf(reason, sizeof(reason), "/dev/kvm opens, but does not create a VM: %s.", strerror(errno));
		return reason;
	}
	close(vm);
	return NULL;
}

#include "guest.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Each processor has a page for its program, the first of them here. */
#define PROGRAMS_AT 0x1000
#define PAGE 0x1000
#define MAX_VCPUS 8
/* Each program has so many bytes for itself. */
#define PROGRAM_LENGTH 8

struct guest {
	int vcpu;
	unsigned int id;	/* which of the machine's processors */
	struct kvm_run *run;	/* NULL once it is detached */
	int run_length;
	unsigned char *memory;
	struct guest *next;
};

/* The guest writes here when it is done; nothing in the kernel takes that. (It does not halt: where the kernel has an interrupt controller, that is for good.) */
#define DONE_PORT 0x80

/* out dx, al / ax / eax; out DONE_PORT, al */
static const unsigned char programs[][PROGRAM_LENGTH] = {
	{ 0xee, 0xe6, DONE_PORT },
	{ 0xef, 0xe6, DONE_PORT },
	{ 0x66, 0xef, 0xe6, DONE_PORT },
};

static unsigned int program_at(const struct guest *guest)
{
	return PROGRAMS_AT + guest->id * PAGE;
}

/* The machine's next processor, or -1 with errno set. */
static int create_next_vcpu(struct guest *guest, int vm)
{
	int vcpu = -1;

	for (guest->id = 0; guest->id < MAX_VCPUS; guest->id++) {
		vcpu = ioctl(vm, KVM_CREATE_VCPU, guest->id);
		if (vcpu >= 0 || errno != EEXIST)
			break;
	}
	return vcpu;
}

static int set_up_memory(struct guest *guest, int vm)
{
	struct kvm_userspace_memory_region region = {
		.slot = guest->id,
		.guest_phys_addr = program_at(guest),
		.memory_size = PAGE,
	};

	guest->memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guest->memory == MAP_FAILED) {
		guest->memory = NULL;
		return -1;
	}
	memcpy(guest->memory, programs, sizeof(programs));
	region.userspace_addr = (uintptr_t)guest->memory;
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* Real mode, with the program where the code segment begins. */
static int set_up_segments(int vcpu)
{
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -1;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0)
		return -1;
	/* All but the first would wait to be started, where the kernel has an interrupt controller; elsewhere this is refused and not needed. */
	ioctl(vcpu, KVM_SET_MP_STATE, &(struct kvm_mp_state){ .mp_state = KVM_MP_STATE_RUNNABLE });
	return 0;
}

struct guest *guest_create(int vm, int *vcpu)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	int kvm_error;

	if (!guest)
		return NULL;
	guest->vcpu = create_next_vcpu(guest, vm);
	if (guest->vcpu >= 0 && set_up_memory(guest, vm) >= 0 && set_up_segments(guest->vcpu) >= 0) {
		/* What KVM_GET_VCPU_MMAP_SIZE says is for /dev/kvm; this much of it is enough. */
		guest->run_length = PAGE;
		guest->run = mmap(NULL, guest->run_length, PROT_READ | PROT_WRITE, MAP_SHARED, guest->vcpu, 0);
		if (guest->run != MAP_FAILED) {
			*vcpu = guest->vcpu;
			return guest;
		}
		guest->run = NULL;
	}
	kvm_error = errno;
	if (guest->vcpu >= 0)
		close(guest->vcpu);
	guests_free(guest);
	errno = kvm_error;
	return NULL;
}

void guest_renumber(struct guest *guest, int vcpu)
{
	guest->vcpu = vcpu;
}

struct guest *guest_find(struct guest *first, int vcpu)
{
	while (first && first->vcpu != vcpu)
		first = first->next;
	return first;
}

struct guest *guest_link(struct guest *guest, struct guest *first)
{
	guest->next = first;
	return guest;
}

/* User space was asked; say that it has done what it was asked for, so that the next program begins afresh. */
static int complete(struct guest *guest)
{
	int status;

	guest->run->immediate_exit = 1;
	status = ioctl(guest->vcpu, KVM_RUN, 0);
	guest->run->immediate_exit = 0;
	return status < 0 && errno == EINTR ? 0 : -1;
}

int guest_write_port(struct guest *guest, unsigned int port, unsigned int length, unsigned int data)
{
	struct kvm_regs regs = {
		.rip = program_at(guest) + (length == 1 ? 0 : length == 2 ? 1 : 2) * PROGRAM_LENGTH,
		.rdx = port,
		.rax = data,
		.rflags = 2,
	};
	int taken;

	if ((length != 1 && length != 2 && length != 4) || port == DONE_PORT) {
		errno = EINVAL;
		return -1;
	}
	if (!guest->run) {
		errno = EBADF;
		return -1;
	}
	if (ioctl(guest->vcpu, KVM_SET_REGS, &regs) < 0)
		return -1;
	while (ioctl(guest->vcpu, KVM_RUN, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	if (guest->run->exit_reason != KVM_EXIT_IO) {
		errno = EIO;
		return -1;
	}
	taken = guest->run->io.port == DONE_PORT;
	return complete(guest) < 0 ? -1 : taken;
}

void guest_detach(struct guest *guest)
{
	if (guest->run)
		munmap(guest->run, guest->run_length);
	guest->run = NULL;
}

void guests_free(struct guest *first)
{
	while (first) {
		struct guest *next = first->next;

		guest_detach(first);
		if (first->memory)
			munmap(first->memory, PAGE);
		free(first);
		first = next;
	}
}

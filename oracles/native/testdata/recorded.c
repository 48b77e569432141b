/*
 * Threads that lock a mutex, change a field under it, and record what they do, until they are killed or have done `rounds`.
 * Usage: recorded FILE THREADS ROUNDS; prints the nanoseconds of processor time that an event took, mutex and all.
 */
#define HF_IMPLEMENTATION
#include "../holdfast-trace.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static hf_name kvm_type, f_lock, f_interrupted, f_users, given_users;
static uint32_t kvm;
static long rounds;

static void *work(void *unused)
{
	(void)unused;
	for (long round = 0; round < rounds; round++) {
		hf_event(HF_WANT, kvm, hf_field(&f_lock, "lock"));
		pthread_mutex_lock(&lock);
		hf_event(HF_GOT, kvm, hf_field(&f_lock, "lock"));
		hf_event_bool(HF_WRITE, kvm, hf_field(&f_interrupted, "interrupted"), round & 1);
		hf_event(HF_GET, kvm, hf_field(&f_users, "users"));
		hf_event(HF_PUT, kvm, hf_field(&f_users, "users"));
		hf_event(HF_RELEASED, kvm, hf_field(&f_lock, "lock"));
		pthread_mutex_unlock(&lock);
	}
	hf_thread_end();
	return NULL;
}

int main(int count, char **arguments)
{
	int threads = count > 2 ? atoi(arguments[2]) : 1;
	pthread_t made[64];
	struct timespec from, to;

	rounds = count > 3 ? atol(arguments[3]) : 1000;
	if (count < 4 || threads > 64 || hf_open(arguments[1], "irqfd-2009", (uint64_t)1 << 28) != 0)
		return 2;
	kvm = hf_object("Kvm", &kvm_type);
	hf_given(hf_word(&given_users, "fields.users"), HF_NUMBER, 1);
	hf_alloc_done(kvm);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (int i = 0; i < threads; i++)
		pthread_create(&made[i], NULL, work, NULL);
	for (int i = 0; i < threads; i++)
		pthread_join(made[i], NULL);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	printf("%.1f\n", ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / (6.0 * rounds * threads));
	hf_close();
	return 0;
}

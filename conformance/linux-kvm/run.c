#define _GNU_SOURCE
#include "run.h"
#include "calls.h"
#include "json.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_SETUP 128
#define MAX_CALLERS 16

struct prepared_call {
	const struct call *call;
	long long arguments[MAX_ARGUMENTS];
};

struct moment {
	unsigned int position;
	struct result result;
};

struct caller {
	struct run *run;
	size_t index;
	size_t count;
	struct prepared_call *calls;
	struct moment *moments;		/* two for each call: it begins, it returned */
	uint64_t random;
	pthread_t thread;
};

struct run {
	struct descriptors descriptors;
	struct {
		const char *name;
		long long fd;
	} handles[MAX_SETUP];
	size_t handles_count;
	struct result setup[MAX_SETUP];
	size_t setup_count;
	bool setup_failed;
	struct caller callers[MAX_CALLERS];
	size_t callers_count;

	/* Gives every moment its place in the history. */
	atomic_uint position;

	/* For callers that run at once. */
	atomic_size_t arrived;
	size_t awaited;

	/* For callers that take turns. */
	bool takes_turns;
	const struct json *turn;
	pthread_mutex_t turn_lock;
	pthread_cond_t turn_changed;
};

static const char *resolve(const struct run *run, const struct json *argument, char letter, long long *value)
{
	const struct json *handle = json_get_typed(argument, "handle", JSON_STRING);

	if (letter == 'n' && argument->type == JSON_NUMBER) {
		*value = argument->number;
		return NULL;
	}
	if (letter == 'n' || !handle)
		return "an argument is of the wrong type";
	for (size_t i = 0; i < run->handles_count; i++) {
		if (!strcmp(run->handles[i].name, handle->string)) {
			*value = run->handles[i].fd;
			return NULL;
		}
	}
	return "an argument is a handle that no setup call has made";
}

static const char *prepare(const struct run *run, const struct json *source, struct prepared_call *prepared)
{
	const struct json *name = json_get_typed(source, "call", JSON_STRING);
	const struct json *with = json_get_typed(source, "with", JSON_ARRAY);
	const struct json *argument;
	const char *letters;
	size_t i;

	prepared->call = name ? call_find(name->string) : NULL;
	if (!prepared->call)
		return "a call is not one of those offered";
	letters = prepared->call->arguments;
	if (!with || json_length(with) != strlen(letters))
		return "a call has the wrong number of arguments";
	for (i = 0, argument = with->child; argument; i++, argument = argument->next) {
		const char *problem = resolve(run, argument, letters[i], &prepared->arguments[i]);

		if (problem)
			return problem;
	}
	return NULL;
}

static struct result make(struct run *run, const struct prepared_call *prepared)
{
	return prepared->call->make(&run->descriptors, prepared->arguments);
}

static const char *errno_name(const struct result *result)
{
	const char *name = strerrorname_np(result->value);

	return name ? name : "E?";
}

static bool is_expected(const struct result *result, const struct json *expected, bool keeps)
{
	if (keeps || result->kind == RESULT_HANDLE)
		return keeps && result->kind == RESULT_HANDLE;
	if (!expected)
		return false;
	switch (result->kind) {
	case RESULT_ERRNO:
		return expected->type == JSON_STRING && !strcmp(expected->string, errno_name(result));
	case RESULT_NUMBER:
		return expected->type == JSON_NUMBER && expected->number >= 0 && (unsigned long long)expected->number == result->value;
	case RESULT_BOOLEAN:
		return expected->type == JSON_BOOLEAN && expected->boolean == (bool)result->value;
	case RESULT_HANDLE:
		break;
	}
	return false;
}

/* Stops behind the first call that does not have its only result. */
static const char *set_up(struct run *run, const struct json *calls)
{
	if (!calls)
		return "there is no setup";
	for (const struct json *source = calls->child; source; source = source->next) {
		const struct json *name = json_get_typed(source, "keep", JSON_STRING);
		struct prepared_call prepared;
		struct result *result = &run->setup[run->setup_count];
		const char *problem;

		if (run->setup_count == MAX_SETUP)
			return "the setup has too many calls";
		problem = prepare(run, source, &prepared);
		if (problem)
			return problem;
		*result = make(run, &prepared);
		run->setup_count++;
		if (!is_expected(result, json_get(source, "result"), name)) {
			run->setup_failed = true;
			return NULL;
		}
		if (name) {
			run->handles[run->handles_count].name = name->string;
			run->handles[run->handles_count].fd = result->value;
			run->handles_count++;
		}
	}
	return NULL;
}

static const char *prepare_callers(struct run *run, const struct json *callers, uint64_t seed)
{
	if (!callers)
		return "there are no callers";
	if (json_length(callers) > MAX_CALLERS)
		return "there are too many callers";
	for (const struct json *source = callers->child; source; source = source->next) {
		struct caller *caller = &run->callers[run->callers_count];
		const struct json *call;
		size_t i;

		if (source->type != JSON_ARRAY)
			return "a caller is not a list of calls";
		caller->run = run;
		caller->index = run->callers_count++;
		caller->count = json_length(source);
		caller->random = (seed + 1) * 0x9e3779b97f4a7c15 ^ (caller->index + 1) * 0xbf58476d1ce4e5b9;
		caller->calls = calloc(caller->count + 1, sizeof(*caller->calls));
		caller->moments = calloc(2 * caller->count + 1, sizeof(*caller->moments));
		if (!caller->calls || !caller->moments)
			return "there is not enough memory";
		for (i = 0, call = source->child; call; i++, call = call->next) {
			const char *problem = prepare(run, call, &caller->calls[i]);

			if (problem)
				return problem;
		}
	}
	return NULL;
}

static const char *check_order(const struct run *run, const struct json *order)
{
	size_t turns[MAX_CALLERS] = { 0 };

	for (const struct json *turn = order->child; turn; turn = turn->next) {
		if (turn->type != JSON_NUMBER || turn->number < 0 || (size_t)turn->number >= run->callers_count)
			return "the order names a caller that does not exist";
		turns[turn->number]++;
	}
	for (size_t i = 0; i < run->callers_count; i++) {
		if (turns[i] != run->callers[i].count)
			return "the order does not give each caller as many turns as it has calls";
	}
	return NULL;
}

/* xorshift64* */
static uint32_t next_random(struct caller *caller)
{
	caller->random ^= caller->random >> 12;
	caller->random ^= caller->random << 25;
	caller->random ^= caller->random >> 27;
	return caller->random * 0x2545f4914f6cdd1d >> 32;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* Half the time none, else up to 20 microseconds: as long as a call takes, so that calls meet at every point. */
static void delay(struct caller *caller)
{
	uint32_t random = next_random(caller);
	uint64_t end = now_ns() + (random >> 1) % 20000;

	if (random & 1)
		return;
	while (now_ns() < end)
		;
}

/*
 * Spin until all callers are here. A pthread_barrier wakes them one after the other, further apart than a call is long. The
 * yield is for machines with fewer processors than callers.
 */
static void start_together(struct run *run)
{
	atomic_fetch_add(&run->arrived, 1);
	for (unsigned int spins = 0; atomic_load(&run->arrived) < run->awaited; spins++) {
		if (spins % 256 == 255)
			sched_yield();
	}
}

static void wait_for_turn(struct run *run, const struct caller *caller)
{
	pthread_mutex_lock(&run->turn_lock);
	while ((size_t)run->turn->number != caller->index)
		pthread_cond_wait(&run->turn_changed, &run->turn_lock);
	pthread_mutex_unlock(&run->turn_lock);
}

static void pass_turn(struct run *run)
{
	pthread_mutex_lock(&run->turn_lock);
	/* Behind the last turn nobody waits any more. */
	if (run->turn->next)
		run->turn = run->turn->next;
	pthread_cond_broadcast(&run->turn_changed);
	pthread_mutex_unlock(&run->turn_lock);
}

static void *caller_main(void *argument)
{
	struct caller *caller = argument;
	struct run *run = caller->run;
	struct moment *moment = caller->moments;

	if (!run->takes_turns)
		start_together(run);
	for (size_t i = 0; i < caller->count; i++) {
		if (run->takes_turns)
			wait_for_turn(run, caller);
		else
			delay(caller);
		moment[0].position = atomic_fetch_add(&run->position, 1);
		moment[1].result = make(run, &caller->calls[i]);
		moment[1].position = atomic_fetch_add(&run->position, 1);
		moment += 2;
		if (run->takes_turns)
			pass_turn(run);
	}
	return NULL;
}

static void run_callers(struct run *run)
{
	run->awaited = run->callers_count;
	for (size_t i = 0; i < run->callers_count; i++) {
		struct caller *caller = &run->callers[i];

		if (pthread_create(&caller->thread, NULL, caller_main, caller)) {
			/* Those that were created wait for this one and cannot be stopped. */
			fprintf(stderr, "a thread could not be created\n");
			exit(1);
		}
	}
	for (size_t i = 0; i < run->callers_count; i++)
		pthread_join(run->callers[i].thread, NULL);
}

static void write_result(FILE *out, const struct result *result)
{
	switch (result->kind) {
	case RESULT_ERRNO:
		json_write_string(out, errno_name(result));
		break;
	case RESULT_NUMBER:
		fprintf(out, "%llu", result->value);
		break;
	case RESULT_BOOLEAN:
		fputs(result->value ? "true" : "false", out);
		break;
	case RESULT_HANDLE:
		fputs("null", out);
		break;
	}
}

/* Merge the callers' moments by their position: 0, 1, 2 and so on without a gap. */
static void write_history(FILE *out, struct run *run)
{
	size_t next[MAX_CALLERS] = { 0 };
	unsigned int end = atomic_load(&run->position);

	for (unsigned int position = 0; position < end; position++) {
		size_t i = 0;
		const struct moment *moment;

		while (next[i] == 2 * run->callers[i].count || run->callers[i].moments[next[i]].position != position)
			i++;
		moment = &run->callers[i].moments[next[i]];
		fprintf(out, "%s{\"caller\":%zu,\"at\":\"%s\"", position ? "," : "", i, next[i] % 2 ? "return" : "call");
		if (next[i] % 2) {
			fputs(",\"result\":", out);
			write_result(out, &moment->result);
		}
		putc('}', out);
		next[i]++;
	}
}

static const char *carry_out(struct run *run, const struct json *request)
{
	const struct json *order = json_get_typed(request, "order", JSON_ARRAY);
	const struct json *seed = json_get_typed(request, "seed", JSON_NUMBER);
	const char *problem;

	problem = set_up(run, json_get_typed(request, "setup", JSON_ARRAY));
	if (problem || run->setup_failed)
		return problem;
	problem = prepare_callers(run, json_get_typed(request, "callers", JSON_ARRAY), seed ? seed->number : 0);
	if (!problem && order) {
		problem = check_order(run, order);
		run->takes_turns = true;
		run->turn = order->child;
	}
	if (!problem)
		run_callers(run);
	return problem;
}

const char *run_vector(const struct json *request, FILE *out)
{
	struct run *run = calloc(1, sizeof(*run));
	const char *problem;

	if (!run)
		return "there is not enough memory";
	descriptors_init(&run->descriptors);
	pthread_mutex_init(&run->turn_lock, NULL);
	pthread_cond_init(&run->turn_changed, NULL);
	problem = carry_out(run, request);
	if (!problem) {
		fputs("\"setup\":[", out);
		for (size_t i = 0; i < run->setup_count; i++) {
			if (i)
				putc(',', out);
			write_result(out, &run->setup[i]);
		}
		fputs("],\"history\":[", out);
		write_history(out, run);
		putc(']', out);
	}
	for (size_t i = 0; i < run->callers_count; i++) {
		free(run->callers[i].calls);
		free(run->callers[i].moments);
	}
	pthread_cond_destroy(&run->turn_changed);
	pthread_mutex_destroy(&run->turn_lock);
	descriptors_close(&run->descriptors);
	free(run);
	return problem;
}

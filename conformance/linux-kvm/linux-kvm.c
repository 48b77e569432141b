/*
 * Connects the running Linux kernel's KVM to the conformance runner: requests on standard input, answers on standard output,
 * as PROTOCOL.md says. Every call of a vector is the real system call on /dev/kvm.
 */
#include "calls.h"
#include "json.h"
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define PROTOCOL 1

/* Exit status that says: the implementation is not on this machine. */
#define EXIT_UNAVAILABLE 77

static bool kernel_is_at_least(const struct utsname *kernel, unsigned int wanted_major, unsigned int wanted_minor)
{
	unsigned int major = 0, minor = 0;

	sscanf(kernel->release, "%u.%u", &major, &minor);
	return major > wanted_major || (major == wanted_major && minor >= wanted_minor);
}

/*
 * Which expected behaviour this kernel is held to. Since 6.17 an eventfd can be assigned only once, whichever VM it is; from 6.1 on
 * it is once for each VM. Nothing is expected of older ones, so they are named as they are.
 */
static void write_profile(FILE *out, const struct utsname *kernel)
{
	unsigned int major = 0, minor = 0;

	sscanf(kernel->release, "%u.%u", &major, &minor);
	if (kernel_is_at_least(kernel, 6, 17))
		fputs("\"linux-6.17\"", out);
	else if (kernel_is_at_least(kernel, 6, 1))
		fputs("\"linux-6.1\"", out);
	else
		fprintf(out, "\"linux-%u.%u\"", major, minor);
}

static void welcome(FILE *out)
{
	struct utsname kernel;

	uname(&kernel);
	fprintf(out, "{\"type\":\"welcome\",\"protocol\":%d,\"name\":\"linux-kvm\",\"version\":\"1\",\"calls\":[", PROTOCOL);
	for (size_t i = 0; i < calls_count; i++) {
		if (i)
			putc(',', out);
		json_write_string(out, calls[i].name);
	}
	fputs("],\"observes\":[],\"profile\":", out);
	write_profile(out, &kernel);
	/* What is expected of an ioeventfd has not changed since 6.1. */
	if (kernel_is_at_least(&kernel, 6, 1))
		fputs(",\"profiles\":{\"ioeventfd\":\"linux-6.1\"}", out);
	fputs(",\"about\":{\"kernel\":", out);
	json_write_string(out, kernel.release);
	fputs(",\"machine\":", out);
	json_write_string(out, kernel.machine);
	fputs("}}\n", out);
}

static void run(const struct json *request, FILE *out)
{
	const struct json *id = json_get_typed(request, "id", JSON_NUMBER);
	char *body = NULL;
	size_t length;
	FILE *buffer = open_memstream(&body, &length);
	const char *problem;

	if (!buffer || !id) {
		fprintf(stderr, "a run without an id, or no memory for it\n");
		exit(EXIT_FAILURE);
	}
	problem = run_vector(request, buffer);
	fclose(buffer);
	if (problem) {
		fprintf(out, "{\"type\":\"refused\",\"id\":%lld,\"reason\":", id->number);
		json_write_string(out, problem);
	} else {
		fprintf(out, "{\"type\":\"ran\",\"id\":%lld,%s", id->number, body);
	}
	fputs("}\n", out);
	free(body);
}

/* False when it was the last request. */
static bool answer(char *line, FILE *out)
{
	const char *error;
	struct json *request = json_parse(line, &error);
	const struct json *type = json_get_typed(request, "type", JSON_STRING);
	bool goes_on = true;

	if (!type) {
		fprintf(stderr, "a request is not understood: %s\n", error ? error : "it has no type");
		exit(EXIT_FAILURE);
	}
	if (!strcmp(type->string, "hello")) {
		welcome(out);
	} else if (!strcmp(type->string, "run")) {
		run(request, out);
	} else if (!strcmp(type->string, "bye")) {
		goes_on = false;
	} else {
		fprintf(stderr, "a request is of type %s, which is not known\n", type->string);
		exit(EXIT_FAILURE);
	}
	fflush(out);
	json_free(request);
	return goes_on;
}

int main(void)
{
	const char *missing = kvm_open();
	char *line = NULL;
	size_t size = 0;

	if (missing) {
		fprintf(stderr, "%s\n", missing);
		return EXIT_UNAVAILABLE;
	}
	while (getline(&line, &size, stdin) > 0 && answer(line, stdout))
		;
	free(line);
	return EXIT_SUCCESS;
}

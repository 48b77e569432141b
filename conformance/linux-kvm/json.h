/*
 * The part of JSON that the protocol uses: numbers are whole and fit in 64 bits, strings hold no NUL.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdio.h>

enum json_type {
	JSON_NULL,
	JSON_BOOLEAN,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json {
	enum json_type type;
	const char *key;		/* of a member of an object, else NULL */
	union {
		bool boolean;
		long long number;
		const char *string;
		struct json *child;	/* first element or member */
	};
	struct json *next;		/* in the same array or object */
};

/*
 * Parse text, which is changed and has to outlive the result. Returns NULL and sets *error if it is not JSON of this kind,
 * nested too deeply, or followed by anything but white space. Free with json_free(), also after an error (NULL is fine).
 */
struct json *json_parse(char *text, const char **error);
void json_free(struct json *root);

/* Member of an object; NULL if value is NULL, no object, or has no such member. */
const struct json *json_get(const struct json *value, const char *key);

/* The same, of a type; NULL as well if the member is of another. */
const struct json *json_get_typed(const struct json *value, const char *key, enum json_type type);

/* Elements of an array. */
size_t json_length(const struct json *array);

void json_write_string(FILE *out, const char *string);

#endif

#include "json.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 32

struct parser {
	char *at;
	const char *error;
	int depth;
};

static struct json *parse_value(struct parser *p);

static struct json *fail(struct parser *p, const char *error)
{
	if (!p->error)
		p->error = error;
	return NULL;
}

static void skip_space(struct parser *p)
{
	p->at += strspn(p->at, " \t\r\n");
}

static bool accept(struct parser *p, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(p->at, word, length))
		return false;
	p->at += length;
	return true;
}

static struct json *new_value(struct parser *p, enum json_type type)
{
	struct json *value = calloc(1, sizeof(*value));

	if (!value)
		return fail(p, "out of memory");
	value->type = type;
	return value;
}

/* Four hexadecimal digits, or -1. */
static int parse_hex4(struct parser *p)
{
	int code = 0;

	for (int i = 0; i < 4; i++, p->at++) {
		char c = *p->at;
		int digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 'a' && c <= 'f')
			digit = c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			digit = c - 'A' + 10;
		else
			return -1;
		code = code << 4 | digit;
	}
	return code;
}

/* What follows \u, as UTF-8. Never longer than the escape itself, so it fits where that stood. */
static char *unescape_unicode(struct parser *p, char *out)
{
	int code = parse_hex4(p);

	if (code >= 0xd800 && code < 0xdc00 && accept(p, "\\u")) {
		int low = parse_hex4(p);

		if (low < 0xdc00 || low > 0xdfff)
			return NULL;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	if (code <= 0 || (code >= 0xd800 && code <= 0xdfff))
		return NULL;
	if (code < 0x80) {
		*out++ = code;
	} else if (code < 0x800) {
		*out++ = 0xc0 | code >> 6;
		*out++ = 0x80 | (code & 0x3f);
	} else if (code < 0x10000) {
		*out++ = 0xe0 | code >> 12;
		*out++ = 0x80 | (code >> 6 & 0x3f);
		*out++ = 0x80 | (code & 0x3f);
	} else {
		*out++ = 0xf0 | code >> 18;
		*out++ = 0x80 | (code >> 12 & 0x3f);
		*out++ = 0x80 | (code >> 6 & 0x3f);
		*out++ = 0x80 | (code & 0x3f);
	}
	return out;
}

/* Unescapes in place; p->at is behind the opening quote. */
static const char *parse_string(struct parser *p)
{
	static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	char *begin = p->at, *out = p->at;

	while (*p->at != '"') {
		unsigned char c = *p->at++;
		const char *escape;

		if (c < 0x20) {
			fail(p, "a string does not end, or has a control character in it");
			return NULL;
		}
		if (c != '\\') {
			*out++ = c;
			continue;
		}
		c = *p->at;
		escape = c ? strchr(escapes, c) : NULL;
		if (c == 'u') {
			p->at++;
			out = unescape_unicode(p, out);
		} else if (escape) {
			p->at++;
			*out++ = meanings[escape - escapes];
		} else {
			out = NULL;
		}
		if (!out) {
			fail(p, "a string has an escape that is not known");
			return NULL;
		}
	}
	p->at++;
	*out = '\0';
	return begin;
}

static struct json *parse_number(struct parser *p)
{
	struct json *value;
	char *end;

	errno = 0;
	long long number = strtoll(p->at, &end, 10);
	if (errno || end == p->at || strchr(".eE", *end ? *end : ' '))
		return fail(p, "a number is not whole, or too large");
	value = new_value(p, JSON_NUMBER);
	if (value)
		value->number = number;
	p->at = end;
	return value;
}

/* Elements or members up to the closing bracket; p->at is behind the opening one. */
static struct json *parse_container(struct parser *p, enum json_type type)
{
	const char *close = type == JSON_ARRAY ? "]" : "}";
	struct json *container = new_value(p, type), **tail;

	if (!container)
		return NULL;
	tail = &container->child;
	skip_space(p);
	if (accept(p, close))
		return container;
	do {
		const char *key = NULL;

		skip_space(p);
		if (type == JSON_OBJECT) {
			if (accept(p, "\""))
				key = parse_string(p);
			else
				fail(p, "an object has a member without a name");
			skip_space(p);
			if (!p->error && !accept(p, ":"))
				fail(p, "an object has a member without a value");
		}
		if (!p->error)
			*tail = parse_value(p);
		if (p->error) {
			json_free(container);
			return NULL;
		}
		(*tail)->key = key;
		tail = &(*tail)->next;
		skip_space(p);
	} while (accept(p, ","));
	if (accept(p, close))
		return container;
	json_free(container);
	return fail(p, "an array or object does not end");
}

static struct json *parse_value(struct parser *p)
{
	struct json *value = NULL;

	skip_space(p);
	if (++p->depth > MAX_DEPTH) {
		fail(p, "it is nested too deeply");
	} else if (accept(p, "{")) {
		value = parse_container(p, JSON_OBJECT);
	} else if (accept(p, "[")) {
		value = parse_container(p, JSON_ARRAY);
	} else if (accept(p, "\"")) {
		const char *string = parse_string(p);

		value = string ? new_value(p, JSON_STRING) : NULL;
		if (value)
			value->string = string;
	} else if (accept(p, "true")) {
		value = new_value(p, JSON_BOOLEAN);
		if (value)
			value->boolean = true;
	} else if (accept(p, "false")) {
		value = new_value(p, JSON_BOOLEAN);
	} else if (accept(p, "null")) {
		value = new_value(p, JSON_NULL);
	} else if (*p->at == '-' || (*p->at >= '0' && *p->at <= '9')) {
		value = parse_number(p);
	} else {
		fail(p, "there is no value where one should begin");
	}
	p->depth--;
	return value;
}

struct json *json_parse(char *text, const char **error)
{
	struct parser p = { .at = text };
	struct json *root = parse_value(&p);

	skip_space(&p);
	if (root && *p.at) {
		json_free(root);
		root = fail(&p, "something follows the value");
	}
	*error = p.error;
	return root;
}

void json_free(struct json *root)
{
	while (root) {
		struct json *next = root->next;

		if (root->type == JSON_ARRAY || root->type == JSON_OBJECT)
			json_free(root->child);
		free(root);
		root = next;
	}
}

const struct json *json_get(const struct json *value, const char *key)
{
	if (!value || value->type != JSON_OBJECT)
		return NULL;
	for (const struct json *member = value->child; member; member = member->next) {
		if (!strcmp(member->key, key))
			return member;
	}
	return NULL;
}

const struct json *json_get_typed(const struct json *value, const char *key, enum json_type type)
{
	const struct json *member = json_get(value, key);

	return member && member->type == type ? member : NULL;
}

size_t json_length(const struct json *array)
{
	size_t length = 0;

	for (const struct json *element = array->child; element; element = element->next)
		length++;
	return length;
}

void json_write_string(FILE *out, const char *string)
{
	putc('"', out);
	for (const unsigned char *c = (const unsigned char *)string; *c; c++) {
		if (*c == '"' || *c == '\\')
			putc('\\', out);
		if (*c < 0x20)
			fprintf(out, "\\u%04x", *c);
		else
			putc(*c, out);
	}
	putc('"', out);
}

/*
 * Records what a program does as a binary trace of Holdfast; ../TRACE-FORMAT.md describes the file. Linux, little-endian, gcc or clang.
 *
 *	hf_open("run.hft", "irqfd-2009", 1 << 30);
 *	static hf_name type, users, lock, interrupted;  // one for each name, zero at first
 *	uint32_t kvm = hf_object("Kvm", &type);         // keep it beside the object
 *	hf_given(hf_word(&users, "fields.users"), HF_NUMBER, 1);
 *	hf_alloc_done(kvm);
 *	hf_event(HF_WANT, kvm, hf_field(&lock, "lock")); ... HF_GOT ... HF_RELEASED ...
 *	hf_event_bool(HF_WRITE, kvm, hf_field(&interrupted, "interrupted"), 1);
 *	hf_close();                                     // a process that is killed need not
 *
 * Log WANT and every release before the act, GOT and everything else after it. Threads write into chunks of their own in a shared mapping,
 * numbered by one counter: no lock is taken and no system call made, and what was written stays in the file however the process ends.
 * When the file is full, events are left out and the file says so. Define HF_IMPLEMENTATION in one source file before including this one.
 */
#ifndef HOLDFAST_TRACE_H
#define HOLDFAST_TRACE_H

#include <stddef.h>
#include <stdint.h>

#define HF_CHUNK_BYTES (24u * 4096u)
#define HF_START 4096u

/* Kinds of events; a record begins with the kind. The order is that of hf_kinds below. */
enum hf_kind {
	HF_THREAD_START = 16, HF_THREAD_END, HF_ALLOC, HF_FREE, HF_READ, HF_WRITE, HF_ADD, HF_REMOVE, HF_NEXT, HF_HAS,
	HF_WANT, HF_GOT, HF_RELEASED, HF_TRIED, HF_ASSERT_HELD, HF_ENTER, HF_EXIT, HF_GRACE_BEGIN, HF_GRACE_END,
	HF_GET, HF_PUT, HF_GET_UNLESS_ZERO, HF_QUEUE, HF_RUN_BEGIN, HF_RUN_END, HF_FLUSH_BEGIN, HF_FLUSH_END,
	HF_CANCEL_BEGIN, HF_CANCEL_END, HF_LINK, HF_UNLINK, HF_CALLBACK, HF_CALL, HF_RETURN, HF_QUIESCE, HF_FORK, HF_JOIN,
	HF_KINDS_END
};
/* What a value is. */
enum hf_tag { HF_NONE, HF_NULL, HF_BOOL, HF_NUMBER, HF_WORD, HF_OBJECT, HF_PLACE };
/* The first yes-or-no of an event (got, found, queued, linked, removed): there, and true. */
enum { HF_NO = 8, HF_YES = 8 | 16, HF_HAS_OPERANDS = 128 };
enum hf_table { HF_KIND_TABLE, HF_THREAD_TABLE, HF_TYPE_TABLE, HF_FIELD_TABLE, HF_WORD_TABLE, HF_SITE_TABLE, HF_TABLES };

struct hf_record {
	uint64_t seq;
	uint32_t head;   /* kind, flags, thread (16 bits); stored last: 0 means not written */
	uint32_t object;
	uint32_t places; /* field of the object, field of the value, site (16 bits) */
	uint32_t value;
};
struct hf_file {
	uint8_t magic[8];
	uint32_t version, start, flags, chunk_bytes, text_bytes, unused;
	uint64_t seq;      /* next number */
	uint64_t chunks;   /* taken */
	uint64_t lost;     /* events left out */
	uint64_t objects;  /* handles given */
};
struct hf_trace {
	struct hf_file *file;
	uint64_t bytes;
	uint32_t threads, buffers, names[HF_TABLES];
};
/* Where the thread writes next, and where its chunk ends. */
struct hf_writer {
	struct hf_record *next, *end;
	uint32_t thread, buffer;
};
typedef uint32_t hf_name;

extern struct hf_trace hf_trace;
extern __thread struct hf_writer hf_writer;

/* 0, or -1 and errno; the calling thread is `main`. Without a system (NULL) the trace is judged by what holds for every program. */
int hf_open(const char *path, const char *system, uint64_t bytes);
void hf_close(void);
/* Names the calling thread; without it, it is called `thread N`. */
void hf_thread(const char *name, const char *context);
void hf_thread_end(void);
/* HF_FORK before a thread of that name is made, HF_JOIN after it was seen to end. */
void hf_other(enum hf_kind kind, const char *name);
/* Room for `count` records in a row, or NULL where the file is full. */
struct hf_record *hf_room(uint32_t count);
/* Defines a name; threads may race, and then define it twice. */
hf_name hf_define(hf_name *slot, enum hf_table table, const char *text);
/* A handle for a new object. What it begins with follows by hf_given, and then hf_alloc_done. */
uint32_t hf_object(const char *type, hf_name *slot);

static inline hf_name hf_named(hf_name *slot, enum hf_table table, const char *text)
{
	hf_name name = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	return __builtin_expect(name != 0, 1) ? name : hf_define(slot, table, text);
}
static inline hf_name hf_field(hf_name *slot, const char *text) { return hf_named(slot, HF_FIELD_TABLE, text); }
static inline hf_name hf_word(hf_name *slot, const char *text) { return hf_named(slot, HF_WORD_TABLE, text); }

/* The head is stored last, so that a record is there as a whole or not at all. */
static inline void hf_put(uint32_t kind, uint32_t flags, uint32_t object, uint32_t places, uint32_t value)
{
	struct hf_record *at = hf_writer.next;
	if (__builtin_expect(at == hf_writer.end, 0)) {
		at = hf_room(1);
		if (!at)
			return;
	}
	at->seq = __atomic_fetch_add(&hf_trace.file->seq, 1, __ATOMIC_RELAXED);
	at->object = object;
	at->places = places;
	at->value = value;
	__atomic_store_n(&at->head, kind | flags << 8 | hf_writer.thread << 16, __ATOMIC_RELEASE);
	hf_writer.next = at + 1;
}

static inline void hf_event(enum hf_kind kind, uint32_t object, hf_name field) { hf_put(kind, HF_NONE, object, field, 0); }
static inline void hf_event_flag(enum hf_kind kind, uint32_t object, hf_name field, int yes)
{
	hf_put(kind, yes ? HF_YES : HF_NO, object, field, 0);
}
static inline void hf_event_object(enum hf_kind kind, uint32_t object, hf_name field, uint32_t value)
{
	hf_put(kind, HF_OBJECT, object, field, value);
}
static inline void hf_event_null(enum hf_kind kind, uint32_t object, hf_name field) { hf_put(kind, HF_NULL, object, field, 0); }
static inline void hf_event_bool(enum hf_kind kind, uint32_t object, hf_name field, int yes)
{
	hf_put(kind, HF_BOOL, object, field, yes != 0);
}
static inline void hf_event_number(enum hf_kind kind, uint32_t object, hf_name field, uint32_t number)
{
	hf_put(kind, HF_NUMBER, object, field, number);
}
/* A link, an unlink, a callback: the entry is a field of another object. */
static inline void hf_event_place(enum hf_kind kind, uint32_t object, hf_name field, uint32_t flags, uint32_t other, hf_name inside)
{
	hf_put(kind, HF_PLACE | flags, object, field | inside << 8, other);
}
/* Before the event they belong to: hf_given(hf_word(&slot, "fields.users"), HF_NUMBER, 1). */
static inline void hf_given(hf_name name, enum hf_tag tag, uint32_t value) { hf_put(3, tag, name, 0, value); }
static inline void hf_alloc_done(uint32_t object) { hf_put(HF_ALLOC, HF_HAS_OPERANDS, object, 0, 0); }
static inline void hf_free(uint32_t object) { hf_put(HF_FREE, HF_NONE, object, 0, 0); }

#ifdef HF_IMPLEMENTATION
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct hf_trace hf_trace;
__thread struct hf_writer hf_writer;
static __thread int hf_is_named;

/* Name, place, value, flags: as binary-format.ts has them. */
static const char *const hf_kinds[] = {
	"thread-start - context", "thread-end - -", "alloc object -", "free object -", "read field value", "write field value",
	"add set member", "remove set member", "next set member", "has set member found",
	"want lock - irq", "got lock - irq", "released lock - irq", "tried lock - got", "assert-held lock -",
	"enter domain -", "exit domain -", "grace-begin domain -", "grace-end domain -",
	"get counter -", "put counter -", "get-unless-zero counter - got", "queue work on queued", "run-begin work -", "run-end work -",
	"flush-begin work -", "flush-end work -", "cancel-begin work - removed", "cancel-end work -",
	"link queue entry linked exclusive", "unlink queue entry", "callback queue entry", "call - call", "return - result", "quiesce - -",
	"fork - other", "join - other",
};
_Static_assert(sizeof(hf_kinds) / sizeof(hf_kinds[0]) == HF_KINDS_END - HF_THREAD_START, "a kind without a definition");
_Static_assert(sizeof(struct hf_record) == 24 && sizeof(struct hf_file) == 64, "the format has no padding");

struct hf_record *hf_room(uint32_t count)
{
	struct hf_writer *w = &hf_writer;
	uint64_t chunk, from;
	if (!hf_trace.file)
		return NULL;
	if ((uint32_t)(w->end - w->next) >= count && w->next)
		return w->next;
	chunk = __atomic_fetch_add(&hf_trace.file->chunks, 1, __ATOMIC_RELAXED);
	from = HF_START + chunk * HF_CHUNK_BYTES;
	if (from + HF_CHUNK_BYTES > hf_trace.bytes) {
		__atomic_fetch_sub(&hf_trace.file->chunks, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&hf_trace.file->lost, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	if (!w->buffer) {
		w->buffer = 1 + __atomic_fetch_add(&hf_trace.buffers, 1, __ATOMIC_RELAXED);
		w->thread = __atomic_fetch_add(&hf_trace.threads, 1, __ATOMIC_RELAXED);
	}
	w->next = (struct hf_record *)((char *)hf_trace.file + from);
	w->end = w->next + HF_CHUNK_BYTES / 24;
	w->next->object = w->buffer;
	__atomic_store_n(&w->next->head, 4, __ATOMIC_RELEASE);
	w->next++;
	if (!hf_is_named) {
		char name[32];
		snprintf(name, sizeof(name), "thread %u", w->thread);
		hf_thread(name, "task");
	}
	return w->next;
}

static void hf_text(uint32_t table, uint32_t index, const char *text)
{
	uint32_t length = strlen(text), records = 1 + (length + 23) / 24;
	struct hf_record *at = hf_room(records);
	if (!at)
		return;
	memcpy(at + 1, text, length);
	at->seq = __atomic_fetch_add(&hf_trace.file->seq, 1, __ATOMIC_RELAXED);
	at->object = index;
	at->value = length;
	__atomic_store_n(&at->head, 1 | table << 8, __ATOMIC_RELEASE);
	hf_writer.next = at + records;
}

hf_name hf_define(hf_name *slot, enum hf_table table, const char *text)
{
	hf_name name = __atomic_add_fetch(&hf_trace.names[table], 1, __ATOMIC_RELAXED);
	/* There is room for 255 types and fields; beyond, the file says that it is not whole. */
	if (name > (table == HF_TYPE_TABLE || table == HF_FIELD_TABLE ? 255u : 0xffffffu)) {
		__atomic_fetch_add(&hf_trace.file->lost, 1, __ATOMIC_RELAXED);
		return 1;
	}
	hf_text(table, name, text);
	/* Whoever reads it from the slot has a later number than the definition. */
	__atomic_store_n(slot, name, __ATOMIC_RELEASE);
	return name;
}

void hf_thread(const char *name, const char *context)
{
	hf_name word = 0;
	hf_is_named = 1;
	if (!hf_room(1))
		return;
	hf_text(HF_THREAD_TABLE, hf_writer.thread, name);
	hf_define(&word, HF_WORD_TABLE, context);
	hf_put(HF_THREAD_START, HF_WORD, 0, 0, word);
}
void hf_thread_end(void) { hf_put(HF_THREAD_END, HF_NONE, 0, 0, 0); }
void hf_other(enum hf_kind kind, const char *name)
{
	hf_name word = 0;
	hf_define(&word, HF_WORD_TABLE, name);
	hf_put(kind, HF_WORD, 0, 0, word);
}

uint32_t hf_object(const char *type, hf_name *slot)
{
	hf_name name = hf_named(slot, HF_TYPE_TABLE, type);
	uint32_t object = __atomic_add_fetch(&hf_trace.file->objects, 1, __ATOMIC_RELAXED);
	hf_put(2, 0, object, name, object);
	return object;
}

int hf_open(const char *path, const char *system, uint64_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	struct hf_file *file;
	if (fd < 0)
		return -1;
	/* A hole: only what is written takes room on the disk. */
	if (ftruncate(fd, bytes) != 0 || (file = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED) {
		close(fd);
		return -1;
	}
	close(fd);
	file->text_bytes = snprintf((char *)(file + 1), HF_START - sizeof(*file), "{\"holdfast\":\"trace\",\"version\":1,\"system\":%s%s%s}", system ? "\"" : "", system ? system : "null", system ? "\"" : "");
	file->version = 1;
	file->start = HF_START;
	file->flags = 1;
	file->chunk_bytes = HF_CHUNK_BYTES;
	file->seq = 1;
	memcpy(file->magic, "\x89HFT\r\n\x1a\n", 8);
	hf_trace.file = file;
	hf_trace.bytes = bytes;
	/* An event needs its kind to be defined, also the one that names this thread. */
	hf_is_named = 1;
	for (uint32_t kind = HF_THREAD_START; kind < HF_KINDS_END; kind++)
		hf_text(HF_KIND_TABLE, kind, hf_kinds[kind - HF_THREAD_START]);
	hf_thread("main", "task");
	return 0;
}

void hf_close(void)
{
	if (hf_trace.file)
		msync(hf_trace.file, hf_trace.bytes, MS_ASYNC);
	hf_trace.file = NULL;
}
#endif
#endif

/*
 * What the compared programs are made of: threads, mutexes, counted objects. With -DRECORD each verb also writes an event, so that Holdfast can
 * judge the run; without it there is nothing but the verb, so that other tools see the program as it is.
 *
 * Functions that are wrong are named wrong_..., so that a report can be told from noise by the function that it names.
 */
#ifndef RECORDED_H
#define RECORDED_H
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef RECORD
#define HF_IMPLEMENTATION
#include "../../oracles/native/holdfast-trace.h"
#define FIELD(text) ({ static hf_name slot; hf_field(&slot, text); })
#define OBJECT(type) ({ static hf_name slot; hf_object(type, &slot); })
#define EVENT(kind, object, field) hf_event(HF_##kind, object, FIELD(field))
#define NUMBER(kind, object, field, value) hf_event_number(HF_##kind, object, FIELD(field), value)
#define FLAG(kind, object, field, yes) hf_event_flag(HF_##kind, object, FIELD(field), yes)
#define REFERS(kind, object, field, other) hf_event_object(HF_##kind, object, FIELD(field), other)
#define QUEUED(object, field) hf_put(HF_QUEUE, HF_NULL | HF_YES, object, FIELD(field), 0)
#define MADE(object) hf_alloc_done(object)
#define MADE_WITH(object, count) do { hf_given(({ static hf_name slot; hf_word(&slot, "fields.refs"); }), HF_NUMBER, count); hf_alloc_done(object); } while (0)
#define FREED(object) hf_free(object)
#define FORKS(name) hf_other(HF_FORK, name)
#define JOINED(name) hf_other(HF_JOIN, name)
#define BEGINS(name) hf_thread(name, "task")
#define ENDS() hf_thread_end()
#define OPEN(path) hf_open(path, NULL, 1 << 22)
#define CLOSE() hf_close()
#else
#define OBJECT(type) 0
#define EVENT(kind, object, field) ((void)(object))
#define NUMBER(kind, object, field, value) ((void)(object))
#define FLAG(kind, object, field, yes) ((void)(object))
#define REFERS(kind, object, field, other) ((void)(object))
#define QUEUED(object, field) ((void)(object))
#define MADE(object) ((void)(object))
#define MADE_WITH(object, count) ((void)(object))
#define FREED(object) ((void)(object))
#define FORKS(name) ((void)(name))
#define JOINED(name) ((void)(name))
#define BEGINS(name) ((void)(name))
#define ENDS() ((void)0)
#define OPEN(path) ((void)(path), 0)
#define CLOSE() ((void)0)
#endif

struct mutex {
	pthread_mutex_t lock;
	uint32_t object;
};
#define MUTEX { PTHREAD_MUTEX_INITIALIZER, 0 }
/* Each mutex is an object of a type of its own. */
#define NAME_MUTEX(mutex, type) do { (mutex)->object = OBJECT(type); MADE((mutex)->object); } while (0)

static inline void lock(struct mutex *mutex)
{
	EVENT(WANT, mutex->object, "lock");
	pthread_mutex_lock(&mutex->lock);
	EVENT(GOT, mutex->object, "lock");
}
static inline void unlock(struct mutex *mutex)
{
	EVENT(RELEASED, mutex->object, "lock");
	pthread_mutex_unlock(&mutex->lock);
}

/* An object that lives as long as somebody has a reference. */
struct counted {
	int refs;
	int size;
	uint32_t object;
};
static inline struct counted *make_counted(int refs)
{
	struct counted *one = calloc(1, sizeof(*one));
	one->refs = refs;
	one->object = OBJECT("Counted");
	MADE_WITH(one->object, refs);
	return one;
}
/* The counter is written down before it changes, so that the free of the last one comes after every put. */
static inline void get(struct counted *one)
{
	EVENT(GET, one->object, "refs");
	__atomic_add_fetch(&one->refs, 1, __ATOMIC_RELAXED);
}
/* Whether it was the last. */
static inline int put(struct counted *one)
{
	EVENT(PUT, one->object, "refs");
	return __atomic_sub_fetch(&one->refs, 1, __ATOMIC_ACQ_REL) == 0;
}
static inline int use(struct counted *one)
{
	NUMBER(READ, one->object, "size", 0);
	return *(volatile int *)&one->size;
}
static inline void destroy(struct counted *one)
{
	FREED(one->object);
	free(one);
}

/* A pointer through which an object is found. */
struct published {
	struct counted *to;
	uint32_t object;
};
static inline void publish(struct published *place, struct counted *one)
{
	REFERS(WRITE, place->object, "to", one->object);
	__atomic_store_n(&place->to, one, __ATOMIC_RELEASE);
}
static inline void withdraw(struct published *place)
{
#ifdef RECORD
	hf_event_null(HF_WRITE, place->object, FIELD("to"));
#endif
	__atomic_store_n(&place->to, NULL, __ATOMIC_RELEASE);
}
static inline struct counted *find(struct published *place)
{
	struct counted *one = __atomic_load_n(&place->to, __ATOMIC_ACQUIRE);
#ifdef RECORD
	if (one)
		hf_event_object(HF_READ, place->object, FIELD("to"), one->object);
	else
		hf_event_null(HF_READ, place->object, FIELD("to"));
#endif
	return one;
}

struct thread {
	pthread_t thread;
	const char *name;
	void (*run)(void);
};
static void *run_thread(void *argument)
{
	struct thread *own = argument;
	BEGINS(own->name);
	own->run();
	ENDS();
	return NULL;
}
static inline void begin(struct thread *one, const char *name, void (*run)(void))
{
	one->name = name;
	one->run = run;
	FORKS(name);
	pthread_create(&one->thread, NULL, run_thread, one);
}
static inline void end(struct thread *one)
{
	pthread_join(one->thread, NULL);
	JOINED(one->name);
}
/* Time for the other threads to get where they are meant to be; orders nothing. */
static inline void later(int turns) { usleep(turns * 150000); }
#endif

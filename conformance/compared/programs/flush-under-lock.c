/* A work item takes a mutex, and is flushed under it. In this run it has ended before. */
#include "../recorded.h"
static struct mutex state = MUTEX;
static uint32_t item;
static int queued, done;
static void work(void)
{
	while (!__atomic_load_n(&queued, __ATOMIC_ACQUIRE)) usleep(100);
	EVENT(RUN_BEGIN, item, "work");
	lock(&state);
	unlock(&state);
	EVENT(RUN_END, item, "work");
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
}
static void wrong_flush(void)
{
	QUEUED(item, "work");
	__atomic_store_n(&queued, 1, __ATOMIC_RELEASE);
	later(1);
	lock(&state);
	EVENT(FLUSH_BEGIN, item, "work");
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) usleep(100);
	EVENT(FLUSH_END, item, "work");
	unlock(&state);
}
int main(int count, char **arguments)
{
	struct thread x, y;
	if (OPEN(count > 1 ? arguments[1] : "")) return 2;
	NAME_MUTEX(&state, "State");
	item = OBJECT("Item"); MADE(item);
	begin(&x, "x", work); begin(&y, "y", wrong_flush);
	end(&x); end(&y);
	CLOSE();
	return 0;
}

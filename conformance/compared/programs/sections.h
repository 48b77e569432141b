/* Read sections and grace periods, as simple as they can be: a writer waits until nobody is inside. */
#include "../recorded.h"
static int inside;
static uint32_t domain;
static inline void enter(void) { __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST); EVENT(ENTER, domain, "readers"); }
static inline void leave(void) { EVENT(EXIT, domain, "readers"); __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST); }
static inline void synchronize(void)
{
	EVENT(GRACE_BEGIN, domain, "readers");
	while (__atomic_load_n(&inside, __ATOMIC_SEQ_CST) != 0) usleep(100);
	EVENT(GRACE_END, domain, "readers");
}

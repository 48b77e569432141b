/* The release takes a mutex; one of the puts is made under it. In this run that put is not the last. */
#include "../recorded.h"
static struct mutex list = MUTEX;
static struct counted *one;
static void release(struct counted *what) { lock(&list); unlock(&list); destroy(what); }
static void wrong_put(void) { lock(&list); if (put(one)) release(one); unlock(&list); }
static void last_put(void) { later(1); if (put(one)) release(one); }
int main(int count, char **arguments)
{
	struct thread x, y;
	if (OPEN(count > 1 ? arguments[1] : "")) return 2;
	NAME_MUTEX(&list, "List");
	one = make_counted(2);
	begin(&x, "x", wrong_put); begin(&y, "y", last_put);
	end(&x); end(&y);
	CLOSE();
	return 0;
}

/* Two threads add to a plain number. No rule of lifetime or locking is broken. */
#include "../recorded.h"
static struct counted *one;
static void wrong_add(void)
{
	NUMBER(READ, one->object, "size", 0);
	int size = *(volatile int *)&one->size;
	NUMBER(WRITE, one->object, "size", 1);
	*(volatile int *)&one->size = size + 1;
}
static void wrong_add_later(void) { later(1); wrong_add(); }
int main(int count, char **arguments)
{
	struct thread x, y;
	if (OPEN(count > 1 ? arguments[1] : "")) return 2;
	one = make_counted(1);
	begin(&x, "x", wrong_add); begin(&y, "y", wrong_add_later);
	end(&x); end(&y);
	if (put(one)) destroy(one);
	CLOSE();
	return 0;
}

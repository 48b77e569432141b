/* A thread puts its reference and uses the object once more. In this run the other reference is put later. */
#include "../recorded.h"
static struct counted *one;
static void wrong_touch(void) { if (put(one)) destroy(one); else use(one); }
static void last_put(void) { later(1); if (put(one)) destroy(one); }
int main(int count, char **arguments)
{
	struct thread x, y;
	if (OPEN(count > 1 ? arguments[1] : "")) return 2;
	one = make_counted(2);
	begin(&x, "x", wrong_touch); begin(&y, "y", last_put);
	end(&x); end(&y);
	CLOSE();
	return 0;
}

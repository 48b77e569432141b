/* A thread finds the object by a pointer that nobody clears and gets a reference, which nothing keeps before the last put. */
#include "../recorded.h"
static struct published place;
static void wrong_get(void)
{
	struct counted *one = find(&place);
	get(one);
	use(one);
	if (put(one)) destroy(one);
}
static void last_put(void)
{
	later(1);
	struct counted *one = find(&place);
	if (put(one)) destroy(one);
}
int main(int count, char **arguments)
{
	struct thread x, y;
	if (OPEN(count > 1 ? arguments[1] : "")) return 2;
	place.object = OBJECT("Place");
	MADE(place.object);
	publish(&place, make_counted(1));
	begin(&x, "x", wrong_get); begin(&y, "y", last_put);
	end(&x); end(&y);
	CLOSE();
	return 0;
}

/* The grace period comes before the object is withdrawn: readers that come in between still find it. */
#include "sections.h"
static struct published place;
static void reader(void) { enter(); struct counted *one = find(&place); if (one) use(one); leave(); }
static void wrong_free(void) { later(1); struct counted *one = find(&place); synchronize(); withdraw(&place); destroy(one); }
int main(int count, char **arguments)
{
	struct thread x, y;
	if (OPEN(count > 1 ? arguments[1] : "")) return 2;
	domain = OBJECT("Domain"); MADE(domain);
	place.object = OBJECT("Place"); MADE(place.object);
	publish(&place, make_counted(1));
	begin(&x, "x", reader); begin(&y, "y", wrong_free);
	end(&x); end(&y);
	CLOSE();
	return 0;
}

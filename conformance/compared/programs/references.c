/* Two threads use an object and then put their references: as it should be. */
#include "../recorded.h"
static struct counted *one;
static void use_and_put(void) { use(one); if (put(one)) destroy(one); }
static void use_and_put_later(void) { later(1); use_and_put(); }
int main(int count, char **arguments)
{
	struct thread x, y;
	if (OPEN(count > 1 ? arguments[1] : "")) return 2;
	one = make_counted(2);
	begin(&x, "x", use_and_put); begin(&y, "y", use_and_put_later);
	end(&x); end(&y);
	CLOSE();
	return 0;
}

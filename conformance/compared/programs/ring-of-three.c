/* Three threads take three mutexes in a ring; no two of them are in opposite orders. */
#include "../recorded.h"
static struct mutex a = MUTEX, b = MUTEX, c = MUTEX;
static void wrong_ab(void) { lock(&a); lock(&b); unlock(&b); unlock(&a); }
static void wrong_bc(void) { later(1); lock(&b); lock(&c); unlock(&c); unlock(&b); }
static void wrong_ca(void) { later(2); lock(&c); lock(&a); unlock(&a); unlock(&c); }
int main(int count, char **arguments)
{
	struct thread x, y, z;
	if (OPEN(count > 1 ? arguments[1] : "")) return 2;
	NAME_MUTEX(&a, "A"); NAME_MUTEX(&b, "B"); NAME_MUTEX(&c, "C");
	begin(&x, "x", wrong_ab); begin(&y, "y", wrong_bc); begin(&z, "z", wrong_ca);
	end(&x); end(&y); end(&z);
	CLOSE();
	return 0;
}

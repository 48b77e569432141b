/* The orders are opposite, but the second thread is made when the first has ended. */
#include "../recorded.h"
static struct mutex first = MUTEX, second = MUTEX;
static void forwards(void) { lock(&first); lock(&second); unlock(&second); unlock(&first); }
static void backwards(void) { lock(&second); lock(&first); unlock(&first); unlock(&second); }
int main(int count, char **arguments)
{
	struct thread x, y;
	if (OPEN(count > 1 ? arguments[1] : "")) return 2;
	NAME_MUTEX(&first, "First"); NAME_MUTEX(&second, "Second");
	begin(&x, "x", forwards); end(&x);
	begin(&y, "y", backwards); end(&y);
	CLOSE();
	return 0;
}

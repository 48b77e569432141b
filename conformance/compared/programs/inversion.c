/* Two threads take two mutexes in opposite orders, one after the other. */
#include "../recorded.h"
static struct mutex first = MUTEX, second = MUTEX;
static void wrong_forwards(void) { lock(&first); lock(&second); unlock(&second); unlock(&first); }
static void wrong_backwards(void) { later(1); lock(&second); lock(&first); unlock(&first); unlock(&second); }
int main(int count, char **arguments)
{
	struct thread x, y;
	if (OPEN(count > 1 ? arguments[1] : "")) return 2;
	NAME_MUTEX(&first, "First"); NAME_MUTEX(&second, "Second");
	begin(&x, "x", wrong_forwards); begin(&y, "y", wrong_backwards);
	end(&x); end(&y);
	CLOSE();
	return 0;
}

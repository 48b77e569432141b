/* The same under a third mutex that both hold: they cannot meet. */
#include "../recorded.h"
static struct mutex gate = MUTEX, first = MUTEX, second = MUTEX;
static void forwards(void) { lock(&gate); lock(&first); lock(&second); unlock(&second); unlock(&first); unlock(&gate); }
static void backwards(void) { later(1); lock(&gate); lock(&second); lock(&first); unlock(&first); unlock(&second); unlock(&gate); }
int main(int count, char **arguments)
{
	struct thread x, y;
	if (OPEN(count > 1 ? arguments[1] : "")) return 2;
	NAME_MUTEX(&gate, "Gate"); NAME_MUTEX(&first, "First"); NAME_MUTEX(&second, "Second");
	begin(&x, "x", forwards); begin(&y, "y", backwards);
	end(&x); end(&y);
	CLOSE();
	return 0;
}

/* Its own path, and a table and a function, so that C of its own is in the program. */
static const char *const names[] = {"north", "east", "south", "west"};

const char *where_am_i(void) { return __FILE__; }

const char *direction(unsigned turns) { return names[turns % 4]; }

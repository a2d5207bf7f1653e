/* Code that uses floating point names this symbol; nothing reads its value. */
int _fltused = 0x9875;

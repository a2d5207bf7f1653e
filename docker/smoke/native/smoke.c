#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

size_t smoke_c(size_t count) {
    char text[32];
    char *copy = calloc(count + 1, sizeof text);
    if (copy == NULL) return 0;
    snprintf(text, sizeof text, "%.3f", sqrt((double)count + (double)time(NULL)));
    memcpy(copy, text, sizeof text);
    count += strlen(copy);
    free(copy);
    return count;
}

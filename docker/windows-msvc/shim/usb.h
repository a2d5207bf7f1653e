/* Programs have no memory descriptor lists, which usb.h speaks of. */
typedef struct _MDL *PMDL;
#include_next <usb.h>

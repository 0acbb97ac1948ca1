/* environment_secure.c: says whether this process runs with other rights than its user's, and which
 * of the allocator's environment variables it then looks at: "secure 1 fault 0 track 0". */
#include <stdio.h>
#include <sys/auxv.h>

#include "buddy/fault.h"
#include "buddy/track.h"

int main(void)
{
    char fault_error[BUDDY_FAULT_LINE], track_error[BUDDY_TRACK_LINE];
    buddy_fault *f = buddy_fault_from_environment(fault_error);
    buddy_track *t = buddy_track_from_environment(track_error);
    printf("secure %d fault %d track %d\n", getauxval(AT_SECURE) != 0,
           f != NULL || fault_error[0] != '\0', t != NULL || track_error[0] != '\0');
    buddy_fault_destroy(f);
    buddy_track_destroy(t);
    return 0;
}

/* Credentials of the zone side. */
#ifndef TSZONE_CRED_H
#define TSZONE_CRED_H

#include <grp.h>
#include <sys/types.h>

/* Ids and supplementary groups, keeping the permitted capabilities until exec. The pipes or pty made for stdio change
 * owner. */
void cred_become(uid_t uid, gid_t gid, const gid_t *groups, int count);

#endif

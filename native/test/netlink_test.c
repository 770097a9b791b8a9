/* What is refused before anything is sent; and one request that the kernel answers. */
#include "check.h"
#include "netlink.h"

#include <errno.h>

static int request(const char *hex) {
  char text[64];
  const char *call;
  return netlink_request("0", hex, &call, text, sizeof text);
}

int main(void) {
  CHECK(request("1") == EINVAL);
  CHECK(request("zz") == EINVAL);
  CHECK(request("10000000") == EINVAL);
  /* Longer than it says that it is. */
  CHECK(request("ff000000120005000100000000000000") == EINVAL);
  /* RTM_GETLINK for a link that is not there, with an ack asked for: ENODEV. */
  CHECK(request("20000000120005000100000000000000"
                "000000007fffff7f0000000000000000") == ENODEV);
  return 0;
}

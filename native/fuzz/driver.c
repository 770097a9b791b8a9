/* Stands in for libFuzzer where there is no clang: SECONDS SEEDS… runs the seeds, and changes of them, as long as it is told. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_SEEDS = 1024, MAX_BYTES = 64 << 10, MAX_CHANGES = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
  uint8_t *bytes;
  size_t size;
} seeds[MAX_SEEDS];
static int count;

static void load(const char *directory) {
  DIR *list = opendir(directory);
  char path[4096];
  if (list == NULL) return;
  for (struct dirent *entry; (entry = readdir(list)) != NULL && count < MAX_SEEDS;) {
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
    if (file == NULL) continue;
    seeds[count].bytes = malloc(MAX_BYTES);
    if (seeds[count].bytes != NULL) seeds[count].size = fread(seeds[count].bytes, 1, MAX_BYTES, file);
    count++;
    fclose(file);
  }
  closedir(list);
}

static void run_changed(void) {
  static uint8_t data[MAX_BYTES];
  int n = rand() % count;
  size_t size = seeds[n].size;
  memcpy(data, seeds[n].bytes, size);
  if (rand() % 8 == 0 && size > 0) size -= (size_t)rand() % size;
  for (int i = rand() % MAX_CHANGES; i > 0 && size > 0; i--) data[(size_t)rand() % size] = (uint8_t)rand();
  LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv) {
  time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
  unsigned long runs = 0;
  for (int i = 2; i < argc; i++) load(argv[i]);
  if (count == 0) return 1;
  srand(1);
  for (int i = 0; i < count; i++) LLVMFuzzerTestOneInput(seeds[i].bytes, seeds[i].size);
  for (; time(NULL) < end; runs++) run_changed();
  printf("%s: %lu runs from %d seeds, without coverage\n", argv[0], runs, count);
  return 0;
}

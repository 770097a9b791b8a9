/* What the command line of pack says. */
#include "pack_options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>

#include "unpack_report.h"

static void parse_one(struct pack_options *options, int option) {
  switch (option) {
  case 'r':
    options->root = optarg;
    break;
  case 'h':
    options->here = true;
    break;
  case 'a':
    options->as = optarg;
    break;
  case 'f':
    options->follow = true;
    break;
  case 'p':
    unpack_add_part(&options->parts, optarg);
    break;
  case 'd':
    unpack_add_dir(&options->parts, optarg);
    break;
  case 'w':
    options->whiteouts = true;
    break;
  case 'k':
    options->skip = optarg;
    break;
  case 'm':
    options->marks = true;
    break;
  case 'O':
    options->outline = true;
    break;
  case 's':
    options->since = strtoll(optarg, NULL, 10);
    break;
  case 'e':
    options->epoch = strtoll(optarg, NULL, 10);
    break;
  case '1':
    options->first = optarg;
    break;
  case 'C':
    options->count_first = true;
    break;
  case 'A':
    options->no_atime = true;
    break;
  case 'g':
    options->progress = true;
    break;
  case 't':
    unpack_through_add(&options->through, optarg);
    break;
  case 'n':
    options->through.nobody = true;
    break;
  case 'o':
    unpack_die_with_parent(optarg);
    break;
  default:
    unpack_die(EINVAL, "unknown option, or one without its value", "");
  }
}

int pack_parse(struct pack_options *options, int argc, char **argv) {
  static const struct option names[] = {
      {"root", required_argument, NULL, 'r'},    {"here", no_argument, NULL, 'h'},
      {"as", required_argument, NULL, 'a'},      {"follow", no_argument, NULL, 'f'},
      {"part", required_argument, NULL, 'p'},    {"dir", required_argument, NULL, 'd'},
      {"whiteouts", no_argument, NULL, 'w'},     {"skip", required_argument, NULL, 'k'},
      {"marks", no_argument, NULL, 'm'},         {"outline", no_argument, NULL, 'O'},
      {"since", required_argument, NULL, 's'},   {"epoch", required_argument, NULL, 'e'},
      {"first", required_argument, NULL, '1'},   {"count-first", no_argument, NULL, 'C'},
      {"no-atime", no_argument, NULL, 'A'},      {"progress", no_argument, NULL, 'g'},
      {"through", required_argument, NULL, 't'}, {"nobody", no_argument, NULL, 'n'},
      {"parent", required_argument, NULL, 'o'},  {NULL, 0, NULL, 0},
  };
  int option, paths;

  options->since = INT64_MAX;
  optind = 1;
  opterr = 0;
  while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) parse_one(options, option);
  paths = argc - optind;
  if (options->parts.count > 0
          ? paths > 0 || options->root != NULL
          : options->root == NULL || (paths == 0) != options->outline || (options->as != NULL && paths > 1))
    unpack_die(EINVAL, "usage: pack --root DIR [--as NAME] PATH…, or pack --part NAME --dir DIR…", "");
  return optind;
}

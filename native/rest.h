/* The output of an ended zone that its attached caller has yet to take. It is gathered in memory first, so that nothing of
 * the zone (its log, its lock, its clients) waits for a reader that has stopped. */
#ifndef TSZONE_REST_H
#define TSZONE_REST_H

#include <stdbool.h>
#include <stddef.h>

#include "pump.h"

struct rest {
  int to; /* -1: nobody is there to take it */
  size_t start, end;
  char *bytes;
};

/* Takes over all that the pump has and can read. Without memory, what cannot be written at once is lost. */
void rest_take(struct rest *rest, struct pump *pump);
/* What the readers take without a wait. True: nothing is left. */
bool rest_give_now(struct rest rests[], int count);
/* Writes it out, in order, at the reader's pace; gives up when it refuses, when fd 4 is closed (then false: the caller has
 * gone) or when a signal comes. */
bool rest_give(struct rest rests[], int count, int signals);

#endif

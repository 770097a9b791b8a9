/* fd 4, parent → helper: lines `go`, `hold`, `claim`, `tie`, `signal N`, `winsize R C`; and `program BYTES`: see late.h. */
#ifndef TSZONE_CONTROL_H
#define TSZONE_CONTROL_H

#include <stdbool.h>

struct control_target {
  int pidfd;
  int master; /* -1: no terminal */
};

struct control_words {
  bool go, hold;
};

/* Reads what is there and acts on signal and winsize. Returns false at end-of-file; `words` has what else was among it.
 */
bool control_read(const struct control_target *target, struct control_words *words);
/* The caller has said that it sees to what follows the end of the zone. */
bool control_is_claimed(void);
/* The caller has said that the zone is to end when the caller does. */
bool control_is_tied(void);
/* The caller has sent that one. */
bool control_has_sent(int number);
/* Hands on the signals that the helper itself got. */
void control_forward_signals(int signal_fd, int pidfd);

#endif

/* The socket pair (SEQPACKET, close-on-exec) between the host side and the zone side. */
#ifndef TSZONE_HAND_H
#define TSZONE_HAND_H

#include <stdbool.h>

#include "plan.h"
#include "report.h"

enum hand_message {
  HAND_NOTHING = -1,  /* nothing to read now */
  HAND_END = 0,       /* every copy of the other end is closed */
  HAND_MAPS = 'm',    /* host → zone: the maps are written, locked trees are attached */
  HAND_LINKS = 'l',   /* host → zone: its links are there (sync.links) */
  HAND_GO = 'n',      /* host → zone */
  HAND_CREATED = 't', /* zone → host: the namespaces are there */
  HAND_READY = 'r',   /* zone → host, if it may be held: all but the go is there */
  HAND_MASTER = 'p',  /* zone → host, with a pty master */
  HAND_CHILD = 'c',   /* exec's worker → host, with the final child's pid */
  HAND_EXEC = 'x',    /* zone → host: about to exec; the end that follows means that it worked */
  HAND_FAILURE = 'e'  /* zone → host: a struct failure */
};

struct hand_packet {
  enum hand_message message;
  int fd;  /* HAND_MASTER */
  int pid; /* HAND_CHILD */
  struct failure failure;
};

/* False with errno set. */
bool hand_pair(int sockets[2]);
bool hand_send(int socket, enum hand_message message);
bool hand_send_fd(int socket, enum hand_message message, int fd);
bool hand_send_pid(int socket, int pid);
/* HAND_GO with what the zone is to run; sent whole or not at all. */
bool hand_send_program(int socket, const struct plan *program);
/* Waits for that. False if anything else comes, or nothing any more. */
bool hand_receive_program(int socket, struct plan *program);
/* Does not wait unless `wait`. A packet of a strange form counts as the end. */
enum hand_message hand_receive(int socket, struct hand_packet *packet, bool wait);

#endif

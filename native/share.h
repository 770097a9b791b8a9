/* What the zones of a root have in common, and who of them is the last: a file that each zone's helper has flock'ed
 * with others, for as long as it lives and however it ends. */
#ifndef TSZONE_SHARE_H
#define TSZONE_SHARE_H

/* fail()s. */
void share_take(const char *path);
/* Lets go of it; if nobody else has it, the text is written to the file meanwhile. Failures are ignored. */
void share_last(const char *file, const char *text);

#endif

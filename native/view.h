/* tszone-helper view: layers as they look together, mounted for a person to look at. */
#ifndef VIEW_H
#define VIEW_H

int view_main(int argc, char **argv);

#endif

/* conf_text.h: the text of a config file, checked for what libconfig would do wrong without saying
 * so: it ends the process when a read fails (a folder, a bad disk, an @include), and cuts whole
 * numbers to 32 bits. Any thread. */
#ifndef MEGABUDDY_TOOLS_VIEW_CONF_TEXT_H
#define MEGABUDDY_TOOLS_VIEW_CONF_TEXT_H

#include "tools/view/conf.h"

/* Reads the file at `path` into zero-terminated memory from malloc. NULL: *error says why. */
char *conf_text_read(const char *path, conf_error *error);

#endif

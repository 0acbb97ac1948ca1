/* window_picture.c: pictures of the scene or of the window, as files that say how they came about.
 */
#include "tools/view/window/window.h"

#include "engine/files/regular.h"
#include "tools/picture/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define NAMES_MOST 100 /* files of one second */

/* Whether there is anything by this name; a link that leads nowhere would be followed, too. */
static bool is_taken(const char *name)
{
    struct stat st;
    return lstat(name, &st) == 0 || errno != ENOENT;
}

void window_fresh_name(char name[WINDOW_NAME_BYTES], const char *extension)
{
    char stem[WINDOW_NAME_BYTES / 2] = "megabuddy";
    const time_t now = time(NULL);
    struct tm local;
    if (localtime_r(&now, &local) != NULL) {
        (void)strftime(stem, sizeof stem, "megabuddy-%Y%m%d-%H%M%S", &local);
    }
    (void)snprintf(name, WINDOW_NAME_BYTES, "%s.%s", stem, extension);
    for (int i = 2; i < NAMES_MOST && is_taken(name); i++) {
        (void)snprintf(name, WINDOW_NAME_BYTES, "%s-%d.%s", stem, i, extension);
    }
}

static bool write_picture(window *w, const char *name, const uint8_t *pixels)
{
    char place[128];
    const conf written = view_written_settings(w->options);
    char *settings = conf_to_text(&written);
    (void)snprintf(place, sizeof place, "0 %.9g %.9g %.9g %.9g %.9g", w->at.x, w->at.y, w->at.z,
                   w->at.yaw, w->at.pitch);
    const picture_text texts[] = {{"Software", "Megabuddy"},
                                  {"World", vt_get_desc(w->world)->path},
                                  {"View", views_name(w->state.view)},
                                  {"Camera", place},
                                  {"Settings", settings ? settings : ""}};
    const bool good = picture_write_png_with(name, w->width, w->height, pixels, texts,
                                             sizeof texts / sizeof texts[0]);
    const int why = errno;
    free(settings);
    errno = why;
    return good;
}

void window_take_picture(window *w, bool all)
{
    char name[WINDOW_NAME_BYTES];
    uint8_t *pixels = malloc((size_t)w->width * w->height * 4);
    if (pixels == NULL) {
        (void)window_complain(w, "no memory for a picture");
        return;
    }
    window_fresh_name(name, "png");
    if (all) {
        target_read_window(w->width, w->height, pixels);
    } else {
        target_read(&w->colour, pixels);
    }
    if (write_picture(w, name, pixels)) {
        window_say(w, "%s written", name);
    } else {
        (void)window_complain(w, "%s: %s", name, file_text(errno));
    }
    free(pixels);
}

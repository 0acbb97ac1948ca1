/* page_style.h: how pages look. For page.c. */
#ifndef MEGABUDDY_TOOLS_PAGE_STYLE_H
#define MEGABUDDY_TOOLS_PAGE_STYLE_H

/* CSS, free of characters that XML would read as markup: light, unless the reader's screen is set
 * to dark; on paper always light. Classes s0 … are the looks of look.h. */
extern const char page_style[];

#endif

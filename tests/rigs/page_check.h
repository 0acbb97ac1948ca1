/* page_check.h: whether a page of HTML is well formed and stands alone. Include cmocka.h first:
 * what is wrong fails the test. One thread. */
#ifndef MEGABUDDY_TESTS_PAGE_CHECK_H
#define MEGABUDDY_TESTS_PAGE_CHECK_H

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { PAGE_TAGS_MAX = 64, PAGE_TAG_BYTES = 32 };

static inline size_t page_name_bytes(const char *name)
{
    size_t bytes = 0;
    while (isalnum((unsigned char)name[bytes])) {
        bytes++;
    }
    return bytes;
}

/* Steps over an attribute's value too, since a > in one ends no tag. */
static inline const char *page_tag_end(const char *at)
{
    bool quoted = false;
    for (; *at != '\0' && (quoted || *at != '>'); at++) {
        assert_true(quoted || *at != '<');
        quoted ^= *at == '"';
    }
    assert_int_equal(*at, '>');
    return at;
}

/* Every tag is closed, in order; every & begins an entity that XML knows. */
static inline void page_check_tags(const char *page)
{
    char open[PAGE_TAGS_MAX][PAGE_TAG_BYTES];
    uint32_t depth = 0;
    static const char *const ENTITIES[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
    for (const char *at = page; (at = strpbrk(at, "<&")) != NULL; at++) {
        if (*at == '&') {
            bool known = false;
            for (uint32_t i = 0; i < sizeof ENTITIES / sizeof *ENTITIES; i++) {
                known |= strncmp(at, ENTITIES[i], strlen(ENTITIES[i])) == 0;
            }
            assert_true(known);
        } else if (at[1] == '/') {
            assert_true(depth > 0);
            depth--;
            const size_t bytes = page_name_bytes(at + 2);
            assert_int_equal(strlen(open[depth]), bytes);
            assert_memory_equal(open[depth], at + 2, bytes);
        } else if (at[1] != '!') {
            const size_t bytes = page_name_bytes(at + 1);
            assert_true(bytes > 0 && bytes < PAGE_TAG_BYTES && depth < PAGE_TAGS_MAX);
            memcpy(open[depth], at + 1, bytes);
            open[depth][bytes] = '\0';
            depth += page_tag_end(at + 1)[-1] != '/';
        }
    }
    assert_int_equal(depth, 0);
}

/* A word that stands alone, whatever its case. */
static inline bool page_has_word(const char *page, const char *word)
{
    const size_t bytes = strlen(word);
    for (const char *at = page; (at = strcasestr(at, word)) != NULL; at++) {
        if ((at == page || !isalpha((unsigned char)at[-1])) && !isalpha((unsigned char)at[bytes])) {
            return true;
        }
    }
    return false;
}

/* Well formed, without numbers that are none, scripts or the network. */
static inline void page_check(const char *page)
{
    page_check_tags(page);
    assert_false(page_has_word(page, "nan"));
    assert_false(page_has_word(page, "inf"));
    assert_null(strstr(page, "http:"));
    assert_null(strstr(page, "https:"));
    assert_null(strstr(page, "<script"));
}

#endif

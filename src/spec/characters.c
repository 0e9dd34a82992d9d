#include "characters.h"

#include <stdint.h>

/* How many bytes a character has that begins with this one; 0: none does. */
static int length_of(unsigned char first)
{
    return first < 0x80   ? 1
           : first < 0xc2 ? 0 /* a later byte, or a character that has a shorter form */
           : first < 0xe0 ? 2
           : first < 0xf0 ? 3
           : first < 0xf5 ? 4
                          : 0;
}

/* The character at `text` and its bytes; 0 bytes: it is no UTF-8. */
static int decode(const char *text, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int length = length_of((unsigned char)text[0]);
    uint32_t value = (unsigned char)text[0];
    if (length > 1) {
        value &= 0x7fU >> length;
    }
    for (int i = 1; i < length; i++) { /* the NUL byte at the end is no later byte */
        unsigned char later = (unsigned char)text[i];
        if ((later & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (later & 0x3f);
    }
    *character = value;
    return value >= least[length] && value <= 0x10ffff ? length : 0;
}

/* YAML 1.2, c-printable. */
static bool is_allowed(uint32_t c)
{
    if (c < 0xa0) {
        return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n' || c == '\r' || c == 0x85;
    }
    return !(c >= 0xd800 && c < 0xe000) && c != 0xfffe && c != 0xffff;
}

/* Errors come without the line: what is refused should not get to a terminal. */
ss_error ss_characters_check(const ss_yaml_source *source)
{
    int line = 1;
    int column = 1;
    for (const char *at = source->text; *at; column++) {
        uint32_t character = 0;
        int length = decode(at, &character);
        if (length == 0) {
            return ss_fail(SS_ERR_SPEC,
                           "%s:%d:%d: the byte 0x%02X is not UTF-8; save the file in that encoding",
                           source->name, line, column, (unsigned char)*at);
        }
        if (!is_allowed(character)) {
            return ss_fail(SS_ERR_SPEC,
                           "%s:%d:%d: the character U+%04X is not allowed in YAML; remove it",
                           source->name, line, column, (unsigned)character);
        }
        at += length;
        if (character == '\n') {
            line++;
            column = 0;
        }
    }
    return SS_OK;
}

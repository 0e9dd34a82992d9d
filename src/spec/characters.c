#include "characters.h"

#include "../base/utf8.h"

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
        int length = ss_utf8_decode(at, &character);
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

#include "utf8.h"

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

int ss_utf8_decode(const char *text, uint32_t *character)
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

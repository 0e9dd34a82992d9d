#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

ss_error ss_allocate(size_t count, size_t size, void *out)
{
    void *memory = NULL;
    if (size == 0 || count <= (SIZE_MAX - SS_ALIGNMENT) / size) {
        size_t bytes = (count * size + SS_ALIGNMENT - 1) / SS_ALIGNMENT * SS_ALIGNMENT;
        memory = aligned_alloc(SS_ALIGNMENT, bytes > 0 ? bytes : SS_ALIGNMENT);
        if (memory) {
            memset(memory, 0, bytes);
        }
    }
    memcpy(out, &memory, sizeof memory);
    return memory ? SS_OK
                  : ss_fail(SS_ERR_MEMORY, "out of memory: %zu elements of %zu bytes", count, size);
}

ss_error ss_reserve(void **block, size_t *capacity, size_t bytes)
{
    if (bytes <= *capacity) {
        return SS_OK;
    }
    free(*block);
    *capacity = 0;
    SS_TRY(ss_allocate(bytes, 1, block));
    *capacity = bytes;
    return SS_OK;
}

void *ss_arena_take(ss_arena *arena, size_t bytes)
{
    char *at = arena->memory ? arena->memory + arena->bytes : NULL;
    arena->bytes += (bytes + SS_ALIGNMENT - 1) / SS_ALIGNMENT * SS_ALIGNMENT;
    return at;
}

ss_error ss_grow(void *array, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity) {
        return SS_OK;
    }
    size_t larger = *capacity > SIZE_MAX / 2 ? SIZE_MAX : *capacity * 2;
    size_t count = larger > needed ? larger : needed;
    void *old;
    memcpy(&old, array, sizeof old);
    void *grown = count <= SIZE_MAX / size ? realloc(old, count * size) : NULL;
    if (!grown) {
        return ss_fail(SS_ERR_MEMORY, "out of memory: %zu elements of %zu bytes", count, size);
    }
    memcpy(array, &grown, sizeof grown);
    *capacity = count;
    return SS_OK;
}

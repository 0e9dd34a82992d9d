/* Sealing a file anew that another program has changed, once it has been examined. */
#include "seal.h"
#include "store_private.h"

static ss_error cannot(const ss_store *store, const char *why)
{
    return ss_fail(SS_ERR_FORMAT, "%s: cannot be sealed anew: %s", store->path, why);
}

static ss_error check_user_block(const ss_store *store)
{
    hsize_t bytes = 0;
    hid_t creation = H5Fget_create_plist(store->file);
    H5Pget_userblock(creation, &bytes);
    H5Pclose(creation);
    return bytes == SS_SEAL_BYTES ? SS_OK
                                  : cannot(store, "it has no user block of 2048 bytes any more; "
                                                  "restore it from a copy");
}

ss_error ss_store_reseal(const ss_store *store)
{
    ss_space_range ranges[SS_RANGES]; /* that it has; they get sorted */
    int count = 0;
    SS_TRY(check_user_block(store));
    for (int range = 0; range < SS_RANGES; range++) {
        if (store->ranges[range].bytes > 0) {
            ranges[count++] = store->ranges[range];
        }
    }
    SS_TRY(ss_seal_write(store->path, store->version, ranges, count));
    return ss_space_sync(store->path);
}

/* Sealing a file anew that another program has changed, once it has been examined. */
#include "probe.h"
#include "seal.h"
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static ss_error cannot(const ss_store *store, const char *why)
{
    return ss_fail(SS_ERR_FORMAT, "%s: cannot be sealed anew: %s", store->path, why);
}

static ss_error add_range(const ss_store *store, const char *name, ss_space_range *range)
{
    hid_t dataset = H5Dopen2(store->file, name, H5P_DEFAULT);
    if (dataset < 0 || H5Dget_offset(dataset) == HADDR_UNDEF) {
        char why[128];
        snprintf(why, sizeof why, "the dataset %s is missing, or in chunks", name);
        if (dataset >= 0) {
            H5Dclose(dataset);
        }
        return cannot(store, why);
    }
    *range = ss_layout_range(dataset);
    H5Dclose(dataset);
    return SS_OK;
}

static ss_error find_ranges(const ss_store *store, ss_space_range *ranges, int *count)
{
    *count = 0;
    SS_TRY(add_range(store, "/error", &ranges[(*count)++]));
    SS_TRY(add_range(store, "/run", &ranges[(*count)++]));
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        for (int band = 0; band < BAND_DATASETS; band++) {
            char name[64];
            ss_layout_band_name((ss_quantity)quantity, band, name, sizeof name);
            SS_TRY(add_range(store, name, &ranges[(*count)++]));
        }
    }
    return SS_OK;
}

static ss_error check_user_block(const ss_store *store)
{
    hsize_t bytes = 0;
    hid_t creation = H5Fget_create_plist(store->file);
    H5Pget_userblock(creation, &bytes);
    H5Pclose(creation);
    return bytes == SS_SEAL_BYTES ? SS_OK
                                  : cannot(store, "it has no user block of 2048 bytes any more; "
                                                  "`h5jam -u` with 2048 bytes of a copy gives it "
                                                  "one");
}

static ss_error sync_file(const ss_store *store)
{
    int descriptor = open(store->path, O_RDWR | O_CLOEXEC);
    int status = descriptor < 0 ? -1 : fsync(descriptor);
    int cause = errno;
    if (descriptor >= 0) {
        close(descriptor);
    }
    return status == 0
               ? SS_OK
               : ss_fail(SS_ERR_IO, "%s: cannot be synced: %s", store->path, strerror(cause));
}

ss_error ss_store_reseal(const ss_store *store)
{
    enum { MOST = 2 + SS_QUANTITIES * BAND_DATASETS };
    ss_space_range ranges[MOST];
    int count;
    SS_TRY(check_user_block(store));
    SS_TRY(find_ranges(store, ranges, &count));
    SS_TRY(ss_seal_write(store->path, ranges, count));
    return sync_file(store);
}

/*
 * The driver by which HDF5 writes a new file: HDF5 1.10 crashes, at once or when it ends, if a
 * write fails. This one keeps the reason to itself and goes on as if nothing had happened.
 */
#ifndef SADDLESWEEP_STORE_QUIET_DRIVER_H
#define SADDLESWEEP_STORE_QUIET_DRIVER_H

#include <hdf5.h>

/* Lets an access property list use the driver. *cause, which must outlive the file, becomes the
 * errno of the first write that fails; it and all later ones are lost. */
herr_t ss_quiet_driver_set(hid_t access, int *cause);

#endif

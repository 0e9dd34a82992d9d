/* A sweep and the creation of its result file. */
#ifndef TESTS_SUPPORT_STORED_SWEEP_H
#define TESTS_SUPPORT_STORED_SWEEP_H

#include "check.h"

#include "mpi_folder.h"
#include "saddlesweep/store.h"

/* A sweep of few runs. */
static const char text[] = "name: stored\n"
                           "root_seed: 1\n"
                           "grid:\n"
                           "  d: [3, 5]\n"
                           "  k: 2\n"
                           "  n: [500, 1000]\n"
                           "  m: n\n"
                           "  activation: [tanh, leaky_relu(0.2)]\n"
                           "  seed: [4, 7, 1, 9]\n"
                           "train: {iterations: 100, step: {size: 0.5}}\n"
                           "record: {at: [0, 10, 50]}\n";

enum { CELLS = 8, SEEDS = 4, CHECKPOINTS = 4 };

static inline ss_spec *parse(const char *override)
{
    ss_spec *spec = NULL;
    if (ss_spec_parse("sweep.yaml", text, &override, override ? 1 : 0, &spec) != SS_OK) {
        fail_msg("%s", ss_error_text());
    }
    return spec;
}

/* On the calling rank alone. */
static inline ss_error create(const char *path, const ss_plan *plan)
{
    ss_provenance provenance = {
        .spec_text = text,
        .overrides = "",
        .hosts = "here",
        .ranks = ranks,
        .kernel = "portable",
        .libraries = "none",
    };
    return ss_store_create(path, plan, &provenance, true);
}

#endif

/* `merge`: the result files of shards into one of the whole sweep. */
#ifndef SADDLESWEEP_EXECUTION_MERGE_H
#define SADDLESWEEP_EXECUTION_MERGE_H

#include "../base/text.h"
#include "saddlesweep/store.h"
#include "session.h"

/*
 * Creates the result file of the sweep that all `inputs` are of, or goes on with it; takes over
 * every committed run; reduces it, and says on stdout what came of it.
 *
 * session  in   of this process alone
 * inputs   in   shards' files, or whole ones: only read, one at a time, also while they are written
 * output   in
 * io       in   how it is written
 * status   out  the exit status if there is no error
 *
 * SS_ERR_USAGE if an input is the output; SS_ERR_PLAN_DIFFERS, with the first difference, if two
 * are of different sweeps. Nothing is made then.
 */
ss_error ss_merge_run(const ss_session *session, const ss_texts *inputs, const char *output,
                      ss_store_io io, int *status);

#endif

/* What this program is made of, for the provenance of result files. */
#ifndef SADDLESWEEP_BASE_VERSION_H
#define SADDLESWEEP_BASE_VERSION_H

const char *ss_version(void);          /* "0.1.0" */
const char *ss_version_commit(void);   /* git commit it was built from, or "unknown" */
const char *ss_version_compiler(void); /* "GCC 12.2.0" */

#endif

/* The subcommands; main.c has the one table of them. */
#ifndef SADDLESWEEP_CLI_CLI_H
#define SADDLESWEEP_CLI_CLI_H

/* Each takes the arguments after its name and returns the exit status of the program. */
int ss_cmd_plan(int argc, char **argv);
int ss_cmd_run(int argc, char **argv);
int ss_cmd_merge(int argc, char **argv);
int ss_cmd_status(int argc, char **argv);
int ss_cmd_reduce(int argc, char **argv);
int ss_cmd_fit(int argc, char **argv);
int ss_cmd_verify(int argc, char **argv);
int ss_cmd_export(int argc, char **argv);
int ss_cmd_submit(int argc, char **argv);
int ss_cmd_bench(int argc, char **argv);

#endif

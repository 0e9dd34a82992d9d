/* What a result file says of the processors and hosts of its ranks. */
#include "check.h"

#include "mpi_main.h"
#include "src/execution/provenance.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank;
static int ranks;

static void ranks_on_one_model_give_its_name(void **state)
{
    (void)state;
    char model[SS_PROVENANCE_MODEL_SIZE];
    char field[96];
    ss_provenance_model(model);
    assert_true(model[0] != '\0');
    assert_int_equal(ss_provenance_cpu(MPI_COMM_WORLD, model, field, sizeof field), SS_OK);
    assert_true(rank != 0 || strcmp(field, model) == 0);
}

/* Two ranks a model: rank 0's own is not among the others. */
static void other_models_are_counted(void **state)
{
    (void)state;
    char model[SS_PROVENANCE_MODEL_SIZE];
    char expected[96];
    char field[96];
    int others = (ranks + 1) / 2 - 1;
    snprintf(model, sizeof model, "Model %d", rank / 2);
    assert_int_equal(ss_provenance_cpu(MPI_COMM_WORLD, model, field, sizeof field), SS_OK);
    snprintf(expected, sizeof expected, others > 0 ? "Model 0 +%d other models" : "Model 0",
             others);
    assert_true(rank != 0 || strcmp(field, expected) == 0);
}

static void a_host_is_named_once(void **state)
{
    (void)state;
    char name[MPI_MAX_PROCESSOR_NAME];
    int length;
    ss_text hosts = {0};
    MPI_Get_processor_name(name, &length);
    assert_int_equal(ss_provenance_hosts(MPI_COMM_WORLD, &hosts), SS_OK);
    assert_string_equal(hosts.data, rank == 0 ? name : "");
    free(hosts.data);
}

int run_mpi_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_on_one_model_give_its_name),
        cmocka_unit_test(other_models_are_counted),
        cmocka_unit_test(a_host_is_named_once),
    };
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

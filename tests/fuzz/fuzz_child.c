/* SPDX-License-Identifier: BSD-3-Clause */
/* What children can send: any frames, in any order, in a job of three ranks. They are refused or
 * handled, and the ranks go on. */
#include "fuzz_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct fuzz_job job;
    fuzz_job_begin(&job, &input);
    fuzz_job_play(&job);
    fuzz_job_check(&job);
    fuzz_job_end(&job);
    return 0;
}

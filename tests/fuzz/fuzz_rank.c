/* SPDX-License-Identifier: BSD-3-Clause */
/* What a rank can receive from another rank: any frame whose header can be. Ranks believe each
 * other, so what such a frame brings about may be wrong; but nothing in it is an index, a size or
 * an object before it was checked. */
#include "fuzz_job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct fuzz_job job;
    fuzz_job_begin(&job, &input);
    job.ranks_lie = true;
    fuzz_job_play(&job);
    fuzz_job_end(&job);
    return 0;
}

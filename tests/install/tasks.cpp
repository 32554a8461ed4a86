// SPDX-License-Identifier: BSD-3-Clause
// Tasks in C++: what is bytes goes through, and what BAD names does not.
#include <crew/crew.h>

#include <cstdint>
#include <string>
#include <vector>

struct point {
    double x, y;
};

CREW_TASK(norm, point, double)
{
    *result = item->x * item->x + item->y * item->y;
    return CREW_OK;
}

#ifdef BAD_ITEM
CREW_TASK(measure, std::string, std::int64_t)
{
    *result = static_cast<std::int64_t>(item->size());
    return CREW_OK;
}
#endif

#ifdef BAD_RESULT
CREW_TASK(fill, int, std::vector<int>)
{
    result->assign(*item, 1);
    return CREW_OK;
}
#endif

crew_task first_task()
{
    return norm;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <crew/datatype.h>

static const struct {
    size_t size;
    const char *name;
} datatypes[CREW_DATATYPE_LIMIT] = {
#define DATATYPE(constant, name, type) [CREW_##constant] = {sizeof(type), #name},
    CREW_DATATYPE_TABLE(DATATYPE)
#undef DATATYPE
};

static bool is_type(crew_datatype type)
{
    return (unsigned)type > CREW_DATATYPE_NONE && (unsigned)type < CREW_DATATYPE_LIMIT;
}

size_t crew_datatype_size(crew_datatype type)
{
    return is_type(type) ? datatypes[type].size : 0;
}

const char *crew_datatype_name(crew_datatype type)
{
    return is_type(type) ? datatypes[type].name : "?";
}

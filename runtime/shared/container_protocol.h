/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What clients, agents and homes of lists, dicts, sets and namespaces say to each other.
 *
 * A client speaks to its own rank, which counts the handles in the values (any_pack.h) and passes
 * the request on to the home as it is, but for the operation: the twin of the client's, which no
 * child may send.
 */
#ifndef CREWI_SHARED_CONTAINER_PROTOCOL_H
#define CREWI_SHARED_CONTAINER_PROTOCOL_H

#include "engine/engine.h"

#include <crew/process.h>
#include <stdint.h>

/** What all items of an object may take. */
#define CREWI_CONTAINER_BYTES_LIMIT ((uint64_t)1 << 30)

enum crewi_container_type {
    CREWI_LIST = 1,
    CREWI_DICT,
    CREWI_SET,
    CREWI_NAMESPACE,
    CREWI_CONTAINER_TYPES
};

/** From clients to their own rank: a crewi_container_head and packed values behind it, but for
 * CREATE. The reply is a head with one value or none behind it. */
enum crewi_container_op {
    CREWI_CONTAINER_CREATE = 1, /* crewi_container_spec -> id */
    CREWI_CONTAINER_CLOSE,      /* -> nothing; the agent's alone */
    /* All types */
    CREWI_CONTAINER_LENGTH, /* -> number */
    CREWI_CONTAINER_CLEAR,
    /* Lists */
    CREWI_LIST_INSERT,  /* index, values -> number: the length */
    CREWI_LIST_GET,     /* index -> version, value */
    CREWI_LIST_SET,     /* index, value; with IF_VERSION -> as CREWI_DICT_SET */
    CREWI_LIST_TAKE,    /* index -> value with GIVE */
    CREWI_LIST_SLICE,   /* index, stop -> list */
    CREWI_LIST_FIND,    /* value -> number: the index; CREW_ENOENT */
    CREWI_LIST_COUNT,   /* value -> number */
    CREWI_LIST_REMOVE,  /* value */
    CREWI_LIST_REVERSE, /* */
    CREWI_LIST_SORT,    /* DESCENDING */
    CREWI_LIST_ADD,     /* index, value -> value */
    /* Dicts, namespaces and sets, which have no values */
    CREWI_DICT_GET, /* key -> version, value; or nothing, with OR_NOTHING */
    CREWI_DICT_SET, /* key, value; with IF_VERSION -> number: 1 done, 0 not, and then the version
                       and value that there are */
    CREWI_DICT_DEFAULT,   /* key, value -> number: 1 and the value, or 0 when it is that from now on
                           */
    CREWI_DICT_UPDATE,    /* keys and values, or keys of a set -> number: how many are new */
    CREWI_DICT_TAKE,      /* key -> value with GIVE; OR_NOTHING */
    CREWI_DICT_TAKE_LAST, /* -> list of key and value; of a set the key */
    CREWI_DICT_HAS,       /* key -> number */
    CREWI_DICT_ALL,       /* KEYS, VALUES -> list; both: dict */
    CREWI_DICT_ADD,       /* key, value -> number: 1 and the sum, or 0 when the key is new */
    CREWI_CONTAINER_OPS
};

/** Home to the agent of one whose reply has handles in it: that, with shares behind it. */
#define CREWI_CONTAINER_HANDOVER (2 * CREWI_ENGINE_OPS)

enum crewi_container_flag {
    CREWI_CONTAINER_IF_VERSION = 1, /* only if it has that version; 0: is not there */
    CREWI_CONTAINER_GIVE = 2,       /* the value that is taken out is wanted */
    CREWI_CONTAINER_DESCENDING = 4,
    CREWI_CONTAINER_KEYS = 8,
    CREWI_CONTAINER_VALUES = 16,
    CREWI_CONTAINER_OR_NOTHING = 32, /* what is not there is no failure */
    CREWI_CONTAINER_LOOK = 64 /* the caller only looks at the values of the reply: it does not
                                 become a holder of the handles in them */
};

struct crewi_container_spec {
    char name[CREW_NAME_SIZE]; /* "": to be given one */
    uint64_t max_items;        /* 0: any number */
    uint64_t max_bytes;
    uint32_t type;
    uint32_t reserved;
};

struct crewi_container_head {
    uint64_t id;
    uint64_t version; /* of an item: no two items of an object ever have the same */
    int64_t index;
    int64_t stop;
    uint64_t number;
    uint32_t count;       /* of values behind it */
    uint32_t share_count; /* struct crewi_share behind these: between engines only */
    uint8_t type;         /* what the client takes it for */
    uint8_t flags;
    uint8_t reserved[6];
};

#endif

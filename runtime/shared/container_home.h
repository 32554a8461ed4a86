/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A list, dict, set or namespace at its home. container_home.c: begin and end, what goes in and
 * out; container_list.c and container_dict.c: the requests.
 *
 * An object holds the handles that are in its values as a process does: it is a *holder* of them
 * (engine/handles.h) with its own id, on its own rank. What is put in hands the shares over to it,
 * and what is got takes new ones from it. It lets go of a handle when it is in none of its values
 * any more.
 */
#ifndef CREWI_SHARED_CONTAINER_HOME_H
#define CREWI_SHARED_CONTAINER_HOME_H

#include "engine/handles.h"
#include "shared/container_cells.h"
#include "shared/container_protocol.h"

struct crewi_container {
    struct crewi_shared shared; /* first: a shared object is its container */
    enum crewi_container_type type;
    char name[CREW_NAME_SIZE];
    uint64_t max_items, max_bytes;
    uint64_t bytes;
    uint64_t last_version;
    struct crewi_cells list;    /* of a list */
    struct crewi_pairs table;   /* of all else */
    struct crewi_table handles; /* words of handles in its values, and how often each is in them */
};

/** A request that is being answered. */
struct crewi_container_request {
    struct crewi_engine *engine;
    struct crewi_container *container;
    const struct crewi_message *message;
    const struct crewi_container_head *head;
    const unsigned char *values; /* behind the head */
};

extern const char *const crewi_container_names[CREWI_CONTAINER_TYPES];

/** CREATE, on the rank of the one who asks. */
void crewi_container_create(struct crewi_engine *engine, const struct crewi_message *message);

/** A client's request, passed on by its agent, with @p op the client's; it has been checked, but
 * for what it is about. */
void crewi_container_home_request(struct crewi_engine *engine, const struct crewi_message *message,
                                  uint8_t op);

/** Hooks of the kind */
size_t crewi_container_describe(struct crewi_engine *engine, struct crewi_shared *shared,
                                void *room);
void crewi_container_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared);
void crewi_container_destroy(struct crewi_engine *engine, struct crewi_object *object);

/* container_list.c and container_dict.c */

void crewi_list_request(struct crewi_container_request *request, uint8_t op);
void crewi_dict_request(struct crewi_container_request *request, uint8_t op);

/* What they are made of. Those that refuse answer the request, and return NULL or false then. */

/** A cell with a value of the request, its handles counted; @p values is moved behind it. */
struct crewi_cell *crewi_container_cell(struct crewi_container_request *request,
                                        const unsigned char **values);

/** Cells of so many values of the request: an array to be freed. */
struct crewi_cell **crewi_container_cells(struct crewi_container_request *request,
                                          const unsigned char *values, uint64_t count);

/** Frees a cell that is in the object no more, or never was; its handles are let go of. NULL is
 * fine.
 */
void crewi_container_drop(struct crewi_container_request *request, struct crewi_cell *cell);

/** Whether so many items more fit, and bytes; what is taken out for it counts as @p less. */
bool crewi_container_has_room(struct crewi_container_request *request, uint64_t items,
                              uint64_t bytes, uint64_t less);

/** What a cell counts for; 0 of NULL. */
uint64_t crewi_container_cost(const struct crewi_cell *cell);

/** A value of the request as it is: a view, or whole if it is a list or a dict, to be cleared. */
bool crewi_container_operand(struct crewi_container_request *request, const unsigned char *packed,
                             crew_any *value);

/** A cell with the sum of one and a value; NULL as the cell: of 0. */
struct crewi_cell *crewi_container_sum(struct crewi_container_request *request,
                                       const struct crewi_cell *cell, const unsigned char *delta);

/* Answers */

void crewi_container_done(const struct crewi_container_request *request, uint64_t number);

/** With the value of a cell, and its version. False: refused. */
bool crewi_container_give(const struct crewi_container_request *request, uint64_t number,
                          struct crewi_cell *cell);

/** With a list of the values of these cells; or a dict, of keys and values in turn. False: refused.
 */
bool crewi_container_give_all(const struct crewi_container_request *request, crew_any_type type,
                              struct crewi_cell *const *cells, uint64_t count);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "copies.h"

#include <stdlib.h>
#include <string.h>

void copies_fini(struct copies *copies)
{
    for (size_t i = 0; i < copies->letter_count; i++)
        free(copies->letters[i].ids);
    for (size_t i = 0; i < copies->object_count; i++)
        free(copies->objects[i]);
    crewi_table_fini(&copies->by_id);
    free(copies->letters);
    free(copies->objects);
}

struct copies_object *copies_find(const struct copies *copies, uint64_t id)
{
    return crewi_table_find(&copies->by_id, id);
}

void copies_created(struct copies *copies, uint64_t id)
{
    if (copies->object_count == copies->object_room) {
        copies->object_room = copies->object_room ? 2 * copies->object_room : 64;
        copies->objects =
            sim_grow(copies->objects, copies->object_room * sizeof(struct copies_object *));
    }
    struct copies_object *object = sim_alloc(sizeof *object);
    object->id = id;
    copies->objects[copies->object_count++] = object;
    if (crewi_table_add(&copies->by_id, id, object))
        abort();
}

uint64_t copies_send(struct copies *copies, const uint64_t *ids, size_t count)
{
    if (copies->letter_count == copies->letter_room) {
        copies->letter_room = copies->letter_room ? 2 * copies->letter_room : 64;
        copies->letters = sim_grow(copies->letters, copies->letter_room * sizeof *copies->letters);
    }
    struct copies_letter *letter = &copies->letters[copies->letter_count++];
    *letter = (struct copies_letter){
        .state = LETTER_UNDER_WAY, .ids = sim_alloc(count * sizeof *ids + 1), .count = count};
    memcpy(letter->ids, ids, count * sizeof *ids);
    for (size_t i = 0; i < count; i++)
        copies_find(copies, ids[i])->under_way++;
    return copies->letter_count;
}

struct copies_letter *copies_move(struct copies *copies, uint64_t number, enum letter_state from,
                                  enum letter_state to)
{
    static const char *const names[] = {"under way", "taken", "received", "lost"};
    struct copies_letter *letter = &copies->letters[number - 1];
    if (number < 1 || number > copies->letter_count || letter->state != from) {
        sim_violation(copies->job, "letter %llu cannot become %s", (unsigned long long)number,
                      names[to]);
        return NULL;
    }
    letter->state = to;
    for (size_t i = 0; i < letter->count && to != LETTER_TAKEN; i++)
        copies_find(copies, letter->ids[i])->under_way--;
    return letter;
}

void copies_unreferenced(struct copies *copies, uint64_t id)
{
    struct copies_object *object = copies_find(copies, id);
    if (object->gone)
        sim_violation(copies->job, "%llx is unreferenced twice", (unsigned long long)id);
    if (object->held || object->under_way)
        sim_violation(copies->job,
                      "%llx is unreferenced while %llu processes hold it and %llu copies are under "
                      "way",
                      (unsigned long long)id, (unsigned long long)object->held,
                      (unsigned long long)object->under_way);
    object->gone = true;
}

void copies_check_end(struct copies *copies)
{
    for (size_t i = 0; i < copies->object_count; i++)
        if (!copies->objects[i]->gone)
            sim_violation(copies->job, "nobody has %llx, and it is still there",
                          (unsigned long long)copies->objects[i]->id);
    for (size_t i = 0; i < copies->letter_count; i++)
        if (copies->letters[i].state < LETTER_RECEIVED)
            sim_violation(copies->job, "letter %zu has neither come nor got lost", i + 1);
}

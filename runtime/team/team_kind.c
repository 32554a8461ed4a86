/* SPDX-License-Identifier: BSD-3-Clause */
/* Teams, as the engine sees them: what goes to the home, what to a gang, and handles. */
#include "team/gang.h"
#include "team/team_home.h"

static void from_client(struct crewi_engine *engine, const struct crewi_message *message)
{
    const uint64_t *id = message->data;
    switch (message->op) {
    case CREWI_TEAM_CREATE:
        crewi_team_home_create(engine, message);
        break;
    case CREWI_TEAM_START:
    case CREWI_TEAM_JOIN:
    case CREWI_TEAM_TERMINATE:
    case CREWI_TEAM_MEMBERS:
        crewi_team_home_request(engine, message);
        break;
    case CREWI_TEAM_CLOSE:
        crewi_handle_close(engine, *id, message->origin.process);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
        break;
    default:
        crewi_gang_request(engine, message);
    }
}

static bool is_sound(const struct crewi_message *message)
{
    const uint64_t *id = message->data;
    if (message->op == CREWI_TEAM_CREATE)
        return true;
    if (message->op < CREWI_TEAM_CREATE || message->op > CREWI_TEAM_STATE ||
        message->size < sizeof *id || crewi_id_kind(*id) != CREWI_KIND_TEAM)
        return false;
    bool alone = message->op != CREWI_TEAM_ENTER && message->op != CREWI_TEAM_COLLECT;
    return !alone || message->size == sizeof *id;
}

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    if (object && message->op >= CREWI_ENGINE_OPS)
        crewi_team_home_watch(engine, (struct crewi_team *)object, message);
    else if (message->op >= CREWI_ENGINE_OPS)
        crewi_gang_note_in(engine, message);
    else if (object || !is_sound(message))
        crewi_engine_refuse_malformed(engine, message, "an operation of teams, with the team's id");
    else
        from_client(engine, message);
}

static size_t describe(struct crewi_engine *engine, struct crewi_shared *shared, void *room)
{
    (void)engine;
    (void)shared;
    (void)room;
    return 0;
}

/* What a rank knows of a team, its gang, is not bound to handles. */
static crew_status attach(struct crewi_engine *engine, struct crewi_handle *handle,
                          const void *description, size_t size)
{
    (void)engine;
    (void)handle;
    (void)description;
    (void)size;
    return CREW_OK;
}

const struct crewi_kind crewi_team_kind = {
    .name = "team",
    .request = request,
    .client_ends = crewi_gang_client_ends,
    .destroy = crewi_team_home_destroy,
    .is_shared = true,
    .describe = describe,
    .attach = attach,
    .unreferenced = crewi_team_home_unreferenced,
};

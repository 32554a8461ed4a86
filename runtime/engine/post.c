/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls that do not wait for their answer each time. */
#include "engine/client.h"

/* Between two answers: what may be under way beyond all other bounds. */
#define COUNT_LIMIT 32
#define BYTES_LIMIT ((uint64_t)65536)

static struct crewi_post *find(struct crewi_client *client, uint64_t object)
{
    for (int i = 0; i < CREWI_POSTS; i++)
        if (client->posts[i].object == object)
            return &client->posts[i];
    return NULL;
}

bool crewi_post_count(struct crewi_client *client, uint64_t object, uint64_t size)
{
    struct crewi_post *post = find(client, object);
    if (!post || post->stopped || post->count >= COUNT_LIMIT || post->bytes + size > BYTES_LIMIT)
        return false;
    post->count++;
    post->bytes += size;
    return true;
}

/* The place of that object, or one for it. */
static struct crewi_post *get(struct crewi_client *client, uint64_t object)
{
    struct crewi_post *post = find(client, object);
    if (post)
        return post;
    post = find(client, 0);
    if (!post)
        post = &client->posts[++client->last_post % CREWI_POSTS];
    *post = (struct crewi_post){.object = object};
    return post;
}

void crewi_post_set(struct crewi_client *client, uint64_t object, bool allow)
{
    struct crewi_post *post = allow ? get(client, object) : find(client, object);
    if (post && !(allow && post->stopped))
        *post = (struct crewi_post){.object = allow ? object : 0};
}

void crewi_post_stop(struct crewi_client *client, uint64_t object)
{
    get(client, object)->stopped = true;
}

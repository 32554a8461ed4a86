/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_random.h"

void sim_random_begin(struct sim_random *random, uint64_t seed, uint64_t sequence)
{
    random->state = seed * 0x9e3779b97f4a7c15u + sequence * 0xd1342543de82ef95u;
    random->state = sim_random_next(random);
}

uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t mixed = random->state += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

uint64_t sim_below(struct sim_random *random, uint64_t limit)
{
    return limit ? sim_random_next(random) % limit : 0;
}

uint64_t sim_between(struct sim_random *random, uint64_t low, uint64_t high)
{
    return low + sim_below(random, high - low + 1);
}

bool sim_chance(struct sim_random *random, uint64_t per_mille)
{
    return sim_below(random, 1000) < per_mille;
}

int64_t sim_delay_ns(struct sim_random *random, int64_t typical_ns)
{
    uint64_t delay = sim_between(random, (uint64_t)typical_ns / 2, (uint64_t)typical_ns * 3 / 2);
    if (sim_chance(random, 20))
        delay *= 30;
    else if (sim_chance(random, 2))
        delay *= 1000;
    return (int64_t)delay;
}

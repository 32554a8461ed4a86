/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/array_memory.h"

#include <string.h>

/* An element as a number of its size, which is what the instructions know. */

static uint64_t load(const void *element, size_t size)
{
    switch (size) {
    case 1:
        return __atomic_load_n((const uint8_t *)element, __ATOMIC_ACQUIRE);
    case 2:
        return __atomic_load_n((const uint16_t *)element, __ATOMIC_ACQUIRE);
    case 4:
        return __atomic_load_n((const uint32_t *)element, __ATOMIC_ACQUIRE);
    default:
        return __atomic_load_n((const uint64_t *)element, __ATOMIC_ACQUIRE);
    }
}

static void store(void *element, size_t size, uint64_t bits)
{
    switch (size) {
    case 1:
        __atomic_store_n((uint8_t *)element, (uint8_t)bits, __ATOMIC_RELEASE);
        break;
    case 2:
        __atomic_store_n((uint16_t *)element, (uint16_t)bits, __ATOMIC_RELEASE);
        break;
    case 4:
        __atomic_store_n((uint32_t *)element, (uint32_t)bits, __ATOMIC_RELEASE);
        break;
    default:
        __atomic_store_n((uint64_t *)element, bits, __ATOMIC_RELEASE);
    }
}

static uint64_t exchange(void *element, size_t size, uint64_t bits)
{
    switch (size) {
    case 1:
        return __atomic_exchange_n((uint8_t *)element, (uint8_t)bits, __ATOMIC_SEQ_CST);
    case 2:
        return __atomic_exchange_n((uint16_t *)element, (uint16_t)bits, __ATOMIC_SEQ_CST);
    case 4:
        return __atomic_exchange_n((uint32_t *)element, (uint32_t)bits, __ATOMIC_SEQ_CST);
    default:
        return __atomic_exchange_n((uint64_t *)element, bits, __ATOMIC_SEQ_CST);
    }
}

#define COMPARE_EXCHANGE(type, element, expected, bits)                                     \
    __atomic_compare_exchange_n((type *)(element), (type *)(expected), (type)(bits), false, \
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* *expected is set to what it was. */
static bool compare_exchange(void *element, size_t size, void *expected, uint64_t bits)
{
    switch (size) {
    case 1:
        return COMPARE_EXCHANGE(uint8_t, element, expected, bits);
    case 2:
        return COMPARE_EXCHANGE(uint16_t, element, expected, bits);
    case 4:
        return COMPARE_EXCHANGE(uint32_t, element, expected, bits);
    default:
        return COMPARE_EXCHANGE(uint64_t, element, expected, bits);
    }
}

static uint64_t add_integer(void *element, size_t size, uint64_t addend)
{
    switch (size) {
    case 1:
        return __atomic_fetch_add((uint8_t *)element, (uint8_t)addend, __ATOMIC_SEQ_CST);
    case 2:
        return __atomic_fetch_add((uint16_t *)element, (uint16_t)addend, __ATOMIC_SEQ_CST);
    case 4:
        return __atomic_fetch_add((uint32_t *)element, (uint32_t)addend, __ATOMIC_SEQ_CST);
    default:
        return __atomic_fetch_add((uint64_t *)element, addend, __ATOMIC_SEQ_CST);
    }
}

/* Values of 1 to 8 bytes and their bits, with the byte order of the machine. */

static uint64_t read_bits(const void *value, size_t size)
{
    switch (size) {
    case 1:
        return *(const uint8_t *)value;
    case 2: {
        uint16_t bits;
        memcpy(&bits, value, sizeof bits);
        return bits;
    }
    case 4: {
        uint32_t bits;
        memcpy(&bits, value, sizeof bits);
        return bits;
    }
    default: {
        uint64_t bits;
        memcpy(&bits, value, sizeof bits);
        return bits;
    }
    }
}

static void write_bits(void *value, size_t size, uint64_t bits)
{
    switch (size) {
    case 1:
        *(uint8_t *)value = (uint8_t)bits;
        break;
    case 2:
        memcpy(value, &(uint16_t){(uint16_t)bits}, 2);
        break;
    case 4:
        memcpy(value, &(uint32_t){(uint32_t)bits}, 4);
        break;
    default:
        memcpy(value, &bits, sizeof bits);
    }
}

void crewi_element_load(const void *element, size_t size, void *value)
{
    write_bits(value, size, load(element, size));
}

void crewi_element_store(void *element, size_t size, const void *value)
{
    store(element, size, read_bits(value, size));
}

bool crewi_element_can_add(crew_datatype type)
{
    return type != CREW_BOOL;
}

static uint64_t add_double(void *element, const void *addend)
{
    double more, before, sum;
    uint64_t expected = load(element, sizeof before), bits;
    memcpy(&more, addend, sizeof more);
    do {
        memcpy(&before, &expected, sizeof before);
        sum = before + more;
        memcpy(&bits, &sum, sizeof bits);
    } while (!compare_exchange(element, sizeof before, &expected, bits));
    return expected;
}

static uint64_t add_float(void *element, const void *addend)
{
    float more, before, sum;
    uint32_t expected = (uint32_t)load(element, sizeof before), bits;
    memcpy(&more, addend, sizeof more);
    do {
        memcpy(&before, &expected, sizeof before);
        sum = before + more;
        memcpy(&bits, &sum, sizeof bits);
    } while (!compare_exchange(element, sizeof before, &expected, bits));
    return expected;
}

static uint64_t add(void *element, crew_datatype type, const void *addend)
{
    size_t size = crew_datatype_size(type);
    if (type == CREW_DOUBLE)
        return add_double(element, addend);
    if (type == CREW_FLOAT)
        return add_float(element, addend);
    return add_integer(element, size, read_bits(addend, size));
}

void crewi_element_update(void *element, crew_datatype type, enum crewi_array_update update,
                          const struct crewi_array_operands *operands,
                          struct crewi_array_before *before)
{
    size_t size = crew_datatype_size(type);
    *before = (struct crewi_array_before){{0}};
    if (update == CREWI_ARRAY_ADD) {
        write_bits(before->value, size, add(element, type, operands->value));
    } else if (update == CREWI_ARRAY_EXCHANGE) {
        uint64_t bits = exchange(element, size, read_bits(operands->value, size));
        write_bits(before->value, size, bits);
    } else {
        _Alignas(8) unsigned char expected[sizeof operands->expected];
        memcpy(expected, operands->expected, sizeof expected);
        compare_exchange(element, size, expected, read_bits(operands->value, size));
        memcpy(before->value, expected, size);
    }
}

void crewi_elements_fill(void *elements, size_t size, uint64_t count, const void *value)
{
    unsigned char pattern[4096]; /* of our own: others write to the elements meanwhile */
    unsigned char *at = elements;
    uint64_t bytes = count * size, ready = bytes < sizeof pattern ? bytes : sizeof pattern;
    for (uint64_t i = 0; i < ready; i += size)
        memcpy(pattern + i, value, size);
    for (uint64_t done = 0; done < bytes; done += ready) {
        uint64_t next = ready < bytes - done ? ready : bytes - done;
        memcpy(at + done, pattern, next);
    }
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/environment.h"

#include "base/error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The state that was noted. The entries are in one block behind the array. */
static struct {
    char **entries;
    size_t count;
    char *directory; /* NULL: it has no path */
} noted;

/* What OpenMPI's mpirun, PMIx and PMI set for a rank, by the beginnings of the names. Other MCA
 * parameters may be the user's, and OMPI_ALLOW_RUN_AS_ROOT is. */
static const char *const launcher_names[] = {
    "HFI_NO_BACKTRACE=",
    "IPATH_NO_BACKTRACE=",
    "OMPI_APP_CTX_NUM_PROCS=",
    "OMPI_ARGV=",
    "OMPI_COMMAND=",
    "OMPI_COMM_WORLD_",
    "OMPI_FILE_LOCATION=",
    "OMPI_FIRST_RANKS=",
    "OMPI_MCA_ess",
    "OMPI_MCA_hwloc_base_binding_policy=",
    "OMPI_MCA_initial_wdir=",
    "OMPI_MCA_mpi_oversubscribe=",
    "OMPI_MCA_mpi_yield_when_idle=",
    "OMPI_MCA_orte_",
    "OMPI_MCA_pmix=",
    "OMPI_MCA_rmaps_base_",
    "OMPI_MCA_shmem_RUNTIME_QUERY_hint=",
    "OMPI_NUM_APP_CTX=",
    "OMPI_PARENT_PORT=",
    "OMPI_UNIVERSE_SIZE=",
    "OPAL_OUTPUT_STDERR_FD=",
    "PMIX_",
    "PMI_",
};

/* Parameters of PMIx are the user's, but for this one. */
#define PMIX_PARAMETER "PMIX_MCA_"
#define PMIX_LAUNCHER_PARAMETER "PMIX_MCA_mca_base_component_show_load_errors="

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool is_launchers(const char *entry)
{
    if (!strchr("HIOP", entry[0]))
        return false;
    if (begins_with(entry, PMIX_PARAMETER))
        return begins_with(entry, PMIX_LAUNCHER_PARAMETER);
    for (size_t i = 0; i < sizeof launcher_names / sizeof *launcher_names; i++)
        if (begins_with(entry, launcher_names[i]))
            return true;
    return false;
}

/* Shifts the others together, in place and in their order; how many are left. */
static size_t drop_launchers(char **entries, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_launchers(entries[i]))
            entries[kept++] = entries[i];
    return kept;
}

static size_t count_entries(void)
{
    size_t count = 0;
    while (environ && environ[count])
        count++;
    return count;
}

void crewi_environment_drop_launcher(void)
{
    size_t count = count_entries();
    if (count > 0)
        environ[drop_launchers(environ, count)] = NULL;
    noted.count = drop_launchers(noted.entries, noted.count);
}

crew_status crewi_environment_note(void)
{
    size_t count = count_entries(), size = (count + 1) * sizeof *noted.entries;
    for (size_t i = 0; i < count; i++)
        size += strlen(environ[i]) + 1;
    char **entries = malloc(size);
    if (!entries)
        return crewi_error_memory();
    char *text = (char *)(entries + count + 1);
    for (size_t i = 0; i < count; i++) {
        entries[i] = text;
        text = stpcpy(text, environ[i]) + 1;
    }
    free(noted.entries);
    free(noted.directory);
    noted.entries = entries;
    noted.count = count;
    noted.directory = getcwd(NULL, 0);
    return CREW_OK;
}

/* The difference */

/* The length of the name, without the '='. */
static size_t name_length(const char *entry)
{
    return strcspn(entry, "=");
}

/* Looks for an entry that begins with @p length bytes of @p entry, its NUL or its '=' included,
 * from behind the one that was found before: it is most often the next. Its place; @p count: none.
 */
static size_t find_entry(char *const *list, size_t count, const char *entry, size_t length,
                         size_t from)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = from + i < count ? from + i : from + i - count;
        if (strncmp(list[at], entry, length) == 0)
            return at;
    }
    return count;
}

struct packing {
    char *text; /* NULL: only the size is wanted */
    size_t size;
};

static void pack_text(struct packing *packing, const char *text, size_t length)
{
    if (packing->text) {
        memcpy(packing->text + packing->size, text, length);
        packing->text[packing->size + length] = '\0';
    }
    packing->size += length + 1;
}

/* Everything that is new or another, then everything that is gone. */
static void pack_difference(struct packing *packing, const char *directory)
{
    size_t count = count_entries(), at = 0;
    pack_text(packing, directory, strlen(directory));
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(environ[i]);
        size_t found = find_entry(noted.entries, noted.count, environ[i], length + 1, at);
        if (found < noted.count)
            at = found + 1;
        else if (environ[i][name_length(environ[i])] == '=' && !is_launchers(environ[i]))
            pack_text(packing, environ[i], length);
    }
    at = 0;
    for (size_t i = 0; i < noted.count; i++) {
        size_t length = name_length(noted.entries[i]);
        size_t found = find_entry(environ, count, noted.entries[i], length + 1, at);
        if (found < count)
            at = found + 1;
        else if (noted.entries[i][length] == '=' && !is_launchers(noted.entries[i]))
            pack_text(packing, noted.entries[i], length);
    }
}

/* The usual case, and quick. */
static bool is_as_noted(void)
{
    size_t i = 0;
    while (i < noted.count && environ && environ[i] && strcmp(environ[i], noted.entries[i]) == 0)
        i++;
    return i == noted.count && (!environ || !environ[i]);
}

crew_status crewi_environment_pack(char **packed, size_t *size)
{
    char *directory = getcwd(NULL, 0);
    bool is_same = !directory || (noted.directory && strcmp(directory, noted.directory) == 0);
    struct packing packing = {0};
    crew_status status = CREW_OK;
    *packed = NULL;
    *size = 0;
    if (is_same && is_as_noted())
        goto done;
    const char *changed = is_same ? "" : directory;
    pack_difference(&packing, changed);
    if (packing.size == 1)
        goto done; /* only in order, or the launcher's */
    packing.text = malloc(packing.size);
    if (!packing.text) {
        status = crewi_error_memory();
        goto done;
    }
    packing.size = 0;
    pack_difference(&packing, changed);
    *packed = packing.text;
    *size = packing.size;
done:
    free(directory);
    return status;
}

static crew_status apply_entry(const char *entry)
{
    if (!entry[0] || entry[0] == '=')
        return crewi_error(CREW_EPROTO, "an environment variable without a name");
    size_t length = name_length(entry);
    if (entry[length] == '\0')
        return unsetenv(entry) ? crewi_error_errno("unset %s", entry) : CREW_OK;
    char *name = strndup(entry, length);
    bool is_set = name && setenv(name, entry + length + 1, 1) == 0;
    free(name);
    return is_set ? CREW_OK : crewi_error_memory();
}

crew_status crewi_environment_apply(const char *packed, size_t size)
{
    if (size == 0)
        return CREW_OK;
    if (packed[size - 1] != '\0')
        return crewi_error(CREW_EPROTO, "an environment that does not end with NUL");
    if (packed[0] && chdir(packed))
        return crewi_error_errno("the working directory of its creator, %s", packed);
    crew_status status = CREW_OK;
    for (size_t at = strlen(packed) + 1; at < size && !status; at += strlen(packed + at) + 1)
        status = apply_entry(packed + at);
    return status;
}

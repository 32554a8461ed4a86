// SPDX-License-Identifier: BSD-3-Clause
// What the calls about managers are documented to refuse.
#include "manager_cases.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

static crew_status do_nothing(void *object, const crew_any *args, size_t count, crew_any *result)
{
    (void)object;
    (void)args;
    (void)count;
    (void)result;
    return CREW_OK;
}

static crew_status create_nothing(void **object, const crew_any *args, size_t count)
{
    (void)object;
    (void)args;
    (void)count;
    return CREW_OK;
}

static const char long_name[] =
    "a name of more than sixty-three characters, which is too long for one";

void manager_register_wrong(const struct variant *variant)
{
    crew_manager manager;
    crew_method methods[] = {{"one", do_nothing}, {"two", do_nothing}, {NULL, NULL}};
    crew_manager_type type = {"Type", create_nothing, NULL, methods, false};
    const char *const exposed[] = {"two", "three", NULL};
    (void)variant;
    CHECK_OK(crew_manager_create(&manager, NULL));
    CHECK_STATUS(crew_manager_register(manager, NULL, NULL), CREW_EINVAL);
    type.name = NULL;
    CHECK_STATUS(crew_manager_register(manager, &type, NULL), CREW_EINVAL);
    type.name = "";
    CHECK_STATUS(crew_manager_register(manager, &type, NULL), CREW_EINVAL);
    type.name = long_name;
    CHECK_STATUS(crew_manager_register(manager, &type, NULL), CREW_EINVAL);
    type.name = "Type";
    type.create = NULL;
    CHECK_STATUS(crew_manager_register(manager, &type, NULL), CREW_EINVAL);
    type.create = create_nothing;
    type.methods = NULL;
    CHECK_STATUS(crew_manager_register(manager, &type, NULL), CREW_EINVAL);
    type.methods = methods;
    methods[1].function = NULL;
    CHECK_STATUS(crew_manager_register(manager, &type, NULL), CREW_EINVAL);
    methods[1] = (crew_method){"one", do_nothing};
    CHECK_STATUS(crew_manager_register(manager, &type, NULL), CREW_EEXIST);
    CHECK_CONTAINS(crew_error_message(), "one");
    methods[1].name = "";
    CHECK_STATUS(crew_manager_register(manager, &type, NULL), CREW_EINVAL);
    methods[1].name = "two";
    CHECK_STATUS(crew_manager_register(manager, &type, exposed), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "three");
    CHECK_OK(crew_manager_register(manager, &type, NULL));
    CHECK_STATUS(crew_manager_register(manager, &type, NULL), CREW_EEXIST);
    CHECK_STATUS(crew_manager_register((crew_manager){0}, &type, NULL), CREW_EINVAL);
    CHECK_OK(crew_manager_shutdown(manager));
    CHECK_STATUS(crew_manager_register(manager, &type, NULL), CREW_ESTATE);
}

void manager_exposed(const struct variant *variant)
{
    static const crew_method methods[] = {{"one", do_nothing}, {"_two", do_nothing}, {NULL, NULL}};
    static const crew_manager_type type = {"Type", create_nothing, NULL, methods, false};
    static const char *const exposed[] = {"_two", NULL};
    crew_manager manager;
    crew_proxy proxy;
    (void)variant;
    CHECK_OK(crew_manager_create(&manager, NULL));
    CHECK_OK(crew_manager_register(manager, &type, exposed));
    CHECK_OK(crew_manager_start(manager));
    CHECK_OK(crew_proxy_create(&proxy, manager, "Type", NULL, 0, CREW_FOREVER));
    CHECK_OK(crew_proxy_call(proxy, "_two", NULL, 0, NULL, CREW_FOREVER));
    CHECK_STATUS(crew_proxy_call(proxy, "one", NULL, 0, NULL, CREW_FOREVER), CREW_EREMOTE);
    CHECK_OK(crew_proxy_close(proxy));
    end_manager(manager);
}

// What only the creator may do
static int use_as_another(void *arg)
{
    crew_manager manager = *(const crew_manager *)arg;
    crew_process server;
    CHECK_STATUS(crew_manager_start(manager), CREW_EPERM);
    CHECK_STATUS(crew_manager_register(manager, &counter_type, NULL), CREW_EPERM);
    CHECK_STATUS(crew_manager_shutdown(manager), CREW_EPERM);
    CHECK_STATUS(crew_manager_process(manager, &server), CREW_EPERM);
    CHECK_OK(crew_manager_connect(manager, CREW_FOREVER));
    crew_proxy counter = new_counter(manager, 3, NULL);
    CHECK_INT(get_count(counter), 3);
    CHECK_OK(crew_proxy_close(counter));
    return check_result();
}

static int start_in_daemon(void *arg)
{
    crew_manager manager;
    (void)arg;
    CHECK_OK(crew_manager_create(&manager, NULL));
    CHECK_STATUS(crew_manager_start(manager), CREW_ESTATE);
    CHECK_CONTAINS(crew_error_message(), "daemon");
    CHECK_OK(crew_manager_shutdown(manager));
    return check_result();
}

static void check_handles(crew_manager manager, crew_proxy counter)
{
    crew_queue queue;
    crew_connection in, out;
    CHECK_OK(crew_queue_create(&queue, NULL));
    CHECK_OK(crew_pipe_create(&in, &out, NULL));
    CHECK_STATUS(crew_manager_start((crew_manager){queue.id}), CREW_EINVAL);
    CHECK_STATUS(crew_manager_shutdown((crew_manager){0}), CREW_EINVAL);
    CHECK_STATUS(crew_manager_connect((crew_manager){0}, 1), CREW_EINVAL);
    CHECK_STATUS(crew_manager_connect((crew_manager){queue.id}, 1), CREW_EINVAL);
    CHECK_STATUS(crew_proxy_call((crew_proxy){0, manager.id}, "get", NULL, 0, NULL, 1),
                 CREW_EINVAL);
    CHECK_STATUS(crew_proxy_call((crew_proxy){queue.id, manager.id}, "get", NULL, 0, NULL, 1),
                 CREW_EINVAL);
    CHECK_STATUS(crew_proxy_call((crew_proxy){in.id, manager.id}, "get", NULL, 0, NULL, 1),
                 CREW_EINVAL);
    CHECK_STATUS(crew_proxy_call((crew_proxy){out.id, manager.id}, "get", NULL, 0, NULL, 1),
                 CREW_ENOENT);
    CHECK_STATUS(crew_proxy_close((crew_proxy){0, 0}), CREW_EINVAL);
    CHECK_INT(get_count(counter), 0);
    CHECK_OK(crew_queue_close(queue));
    CHECK_OK(crew_connection_close(in));
    CHECK_OK(crew_connection_close(out));
}

void manager_wrong(const struct variant *variant)
{
    crew_process server;
    crew_proxy counter;
    crew_any no_value = crew_nil();
    crew_manager manager = start_manager();
    no_value.type = (crew_any_type)99;
    CHECK_STATUS(crew_manager_create(NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_manager_create(&manager, &(crew_manager_attr){.name = ""}), CREW_EINVAL);
    CHECK_STATUS(crew_manager_create(&manager, &(crew_manager_attr){.name = long_name}),
                 CREW_EINVAL);
    CHECK_STATUS(crew_manager_process(manager, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_proxy_create(NULL, manager, "Counter", NULL, 0, 1), CREW_EINVAL);
    CHECK_STATUS(crew_proxy_create(&counter, manager, NULL, NULL, 0, 1), CREW_EINVAL);
    CHECK_STATUS(crew_proxy_create(&counter, manager, "Counter", NULL, 1, 1), CREW_EINVAL);
    CHECK_STATUS(crew_proxy_create(&counter, manager, "Counter", &no_value, 1, 1), CREW_EINVAL);
    counter = new_counter(manager, 0, NULL);
    CHECK_STATUS(crew_proxy_call(counter, NULL, NULL, 0, NULL, 1), CREW_EINVAL);
    CHECK_STATUS(crew_proxy_call(counter, "echo", NULL, 1, NULL, 1), CREW_EINVAL);
    CHECK_STATUS(crew_proxy_call(counter, "echo", &no_value, 1, NULL, 1), CREW_EINVAL);
    check_handles(manager, counter);
    CHECK_INT(finish(launch(variant, use_as_another, &manager, sizeof manager)), 0);
    crew_process_attr daemon = variant->attr;
    daemon.daemon = CREW_DAEMON_YES;
    CHECK_OK(crew_process_create(&server, start_in_daemon, NULL, 0, &daemon));
    CHECK_OK(crew_process_start(server));
    CHECK_INT(finish(server), 0);
    // A place that there is not
    crew_manager nowhere;
    CHECK_OK(crew_manager_create(
        &nowhere, &(crew_manager_attr){.placement = CREW_ON_RANK(crew_rank_count())}));
    CHECK_STATUS(crew_manager_start(nowhere), CREW_EINVAL);
    CHECK_OK(crew_manager_shutdown(nowhere));
    CHECK_OK(crew_proxy_close(counter));
    end_manager(manager);
}

void check_manager_outside(void)
{
    crew_manager manager = {0};
    crew_proxy proxy = {0, 0};
    crew_process server;
    CHECK_STATUS(crew_manager_create(&manager, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_manager_register(manager, &counter_type, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_manager_start(manager), CREW_ESTATE);
    CHECK_STATUS(crew_manager_connect(manager, 1), CREW_ESTATE);
    CHECK_STATUS(crew_manager_shutdown(manager), CREW_ESTATE);
    CHECK_STATUS(crew_manager_process(manager, &server), CREW_ESTATE);
    CHECK_STATUS(crew_proxy_create(&proxy, manager, "Counter", NULL, 0, 1), CREW_ESTATE);
    CHECK_STATUS(crew_proxy_call(proxy, "get", NULL, 0, NULL, 1), CREW_ESTATE);
    CHECK_STATUS(crew_proxy_close(proxy), CREW_ESTATE);
    CHECK_STATUS(crew_manager_shared_memory(manager, &(crew_shared_memory){0}, 1), CREW_ESTATE);
}

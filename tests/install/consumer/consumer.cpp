// SPDX-License-Identifier: BSD-3-Clause
// The same from C++: the headers have to compile there, and the functions have to link.
#include <crew/crew.h>

#include <cstdio>

static int app(int argc, char **argv)
{
    std::printf("consumer: %s\n", argc > 1 ? argv[1] : "no argument");
    return 0;
}

int main(int argc, char **argv)
{
    return crew_run(argc, argv, app);
}

# SPDX-License-Identifier: BSD-3-Clause
# Functions that add tests. Every program runs through tests/harness/run_case, which checks that no
# process and no file stays behind.
#
# ctest's PROCESSORS are quarters of a core here, and scripts/test runs ctest -j with four for each core: most
# tests wait most of their time, for mpirun, for signals to arrive, for each other. 2 was measured as the mean of
# jobs of 1 to 4 ranks; what computes or spins takes 4 or more.
include_guard(GLOBAL)

set(CREW_TEST_SANITIZERS_DIR ${CMAKE_CURRENT_LIST_DIR}/../sanitizers)
cmake_path(NORMAL_PATH CREW_TEST_SANITIZERS_DIR)

# What a test needs in its environment for the sanitizers of this build; nothing without them. The
# processes of a run inherit it from mpirun.
function(crew_test_environment variable)
  set(environment "")
  if(CREW_SANITIZE MATCHES "address")
    # Tests that end processes by SIGSEGV and SIGABRT want to see those, and not the sanitizer's report.
    # The slow unwinder reaches through libraries without frame pointers, which lsan.supp relies on.
    list(APPEND environment
         "ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0:detect_stack_use_after_return=1:handle_segv=0:handle_abort=0"
         "LSAN_OPTIONS=suppressions=${CREW_TEST_SANITIZERS_DIR}/lsan.supp:print_suppressions=0")
  endif()
  if(CREW_SANITIZE MATCHES "undefined")
    list(APPEND environment "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1")
  endif()
  if(CREW_SANITIZE MATCHES "thread")
    list(APPEND environment
         "TSAN_OPTIONS=suppressions=${CREW_TEST_SANITIZERS_DIR}/tsan.supp:second_deadlock_stack=1:die_after_fork=0:atexit_sleep_ms=0:handle_segv=0:handle_abort=0:exitcode=66")
  endif()
  set(${variable} "${environment}" PARENT_SCOPE)
endfunction()

# crew_add_mpi_test(NAME name COMMAND target-or-program [args...]
#   [NP n]             ranks, 1 without it
#   [NO_MPIRUN]        the program itself, without mpirun (an MPI singleton, or no MPI at all)
#   [LABELS ...]       long: not an everyday test; nosanitize: not in sanitizer builds
#   [TIMEOUT s]        of the run, 60 without it; three times as much with a sanitizer
#   [EXPECT_STATUS k]  exit status that is right, 0 without it; or any, nonzero
#   [ENVIRONMENT ...]  VARIABLE=value
#   [LOAD n]           quarters of a core that it keeps busy, 2 without it
#   [LASTS s]          seconds, where it is many: the longest are started first
#   [LOCK name]        never beside another test with that lock
#   [RUN_SERIAL]       never beside another test at all
#   [RUN_CASE ...])    more options for run_case, such as --signal-after 2:KILL
#
# A program that ends with 77 counts as skipped.
function(crew_add_mpi_test)
  cmake_parse_arguments(arg "NO_MPIRUN;RUN_SERIAL" "NAME;NP;TIMEOUT;EXPECT_STATUS;LOAD;LASTS;LOCK"
                        "COMMAND;LABELS;ENVIRONMENT;RUN_CASE" ${ARGN})
  if(NOT arg_NAME OR NOT arg_COMMAND OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "crew_add_mpi_test(${ARGN}): needs NAME and COMMAND, and no unknown words")
  endif()
  list(POP_FRONT arg_COMMAND program)
  if(TARGET ${program})
    set(program $<TARGET_FILE:${program}>)
  endif()
  foreach(default "NP 1" "TIMEOUT 60" "EXPECT_STATUS 0" "LOAD 2" "LASTS 0")
    separate_arguments(default)
    list(GET default 0 word)
    if(NOT DEFINED arg_${word})
      list(GET default 1 arg_${word})
    endif()
  endforeach()
  if(CREW_SANITIZE)
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 3")
  endif()

  if(arg_NO_MPIRUN)
    set(launch --no-mpirun)
  else()
    set(launch --np ${arg_NP} --crewrun ${PROJECT_SOURCE_DIR}/scripts/crewrun)
  endif()
  add_test(
    NAME ${arg_NAME}
    COMMAND run_case ${launch} --timeout ${arg_TIMEOUT} --expect-status ${arg_EXPECT_STATUS} --tmp
            ${CMAKE_BINARY_DIR}/tmp ${arg_RUN_CASE} -- ${program} ${arg_COMMAND})

  # run_case ends the run itself, and needs some seconds more to look at what is left.
  math(EXPR limit "${arg_TIMEOUT} + 30")
  crew_test_environment(environment)
  set_tests_properties(
    ${arg_NAME}
    PROPERTIES TIMEOUT ${limit}
               PROCESSORS ${arg_LOAD}
               COST ${arg_LASTS}
               LABELS "${arg_LABELS}"
               SKIP_RETURN_CODE 77
               RUN_SERIAL ${arg_RUN_SERIAL}
               RESOURCE_LOCK "${arg_LOCK}"
               ENVIRONMENT "${environment};${arg_ENVIRONMENT}")
endfunction()

# crew_mpirun_race(reason tests...): these fail now and then for a race inside mpirun that crew can do nothing about.
# They get the label mpirun-race: their second try does not count in tests/harness/run_tests.
function(crew_mpirun_race reason)
  if(NOT reason MATCHES " ")
    message(FATAL_ERROR "crew_mpirun_race(${ARGV}): needs a reason, a sentence, before the names of the tests")
  endif()
  foreach(test ${ARGN})
    set_property(TEST ${test} APPEND PROPERTY LABELS mpirun-race)
  endforeach()
endfunction()

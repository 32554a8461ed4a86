# SPDX-License-Identifier: BSD-3-Clause
# The checks of continuous integration as tests, so that one ctest run has it all in its summary.
# scripts/test --all switches them on.
include_guard(GLOBAL)

# crew_add_ci_test(name ALONE|BESIDE limit command...): one that uses all cores itself and runs first and alone, or one
# that uses one core, beside other tests.
function(crew_add_ci_test name where limit)
  add_test(NAME ci_${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(ci_${name} PROPERTIES LABELS ci PROCESSORS 4 TIMEOUT ${limit} COST 50)
  if(where STREQUAL "ALONE")
    set_tests_properties(ci_${name} PROPERTIES RUN_SERIAL TRUE COST 1000)
  endif()
endfunction()

# The limits are the budget: together with the other tests they stay below 25 minutes on two cores.
function(crew_add_ci_tests)
  set(scripts ${PROJECT_SOURCE_DIR}/scripts)
  foreach(check format size layers text shell)
    crew_add_ci_test(style_${check} BESIDE 60 ${scripts}/check-style --build ${CMAKE_BINARY_DIR} ${check})
  endforeach()
  crew_add_ci_test(style_tidy ALONE 360 ${scripts}/check-style --build ${CMAKE_BINARY_DIR} tidy)
  crew_add_ci_test(style_cppcheck BESIDE 120 ${scripts}/check-style --build ${CMAKE_BINARY_DIR} cppcheck)
  crew_add_ci_test(asan_ubsan ALONE 900 ${scripts}/ci-preset asan-ubsan)
  crew_add_ci_test(tsan ALONE 900 ${scripts}/ci-preset tsan)
  crew_add_ci_test(fuzz BESIDE 300 ${scripts}/ci-preset fuzz)
endfunction()

# SPDX-License-Identifier: BSD-3-Clause
# The checks of continuous integration as tests, so that one ctest run has it all in its summary. Each
# uses all cores itself, so none runs beside another test. scripts/test --all switches them on.
include_guard(GLOBAL)

function(crew_add_ci_test name limit)
  add_test(NAME ci_${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(ci_${name} PROPERTIES LABELS ci RUN_SERIAL TRUE TIMEOUT ${limit})
endfunction()

# The limits are the budget: together with the other tests they stay below 25 minutes on two cores.
function(crew_add_ci_tests)
  set(scripts ${PROJECT_SOURCE_DIR}/scripts)
  foreach(check format size layers text shell)
    crew_add_ci_test(style_${check} 60 ${scripts}/check-style --build ${CMAKE_BINARY_DIR} ${check})
  endforeach()
  crew_add_ci_test(style_tidy 360 ${scripts}/check-style --build ${CMAKE_BINARY_DIR} tidy)
  crew_add_ci_test(style_cppcheck 120 ${scripts}/check-style --build ${CMAKE_BINARY_DIR} cppcheck)
  crew_add_ci_test(asan_ubsan 900 ${scripts}/ci-preset asan-ubsan)
  crew_add_ci_test(tsan 900 ${scripts}/ci-preset tsan)
  crew_add_ci_test(fuzz 300 ${scripts}/ci-preset fuzz)
endfunction()

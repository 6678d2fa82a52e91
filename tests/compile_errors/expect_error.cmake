# SPDX-License-Identifier: MIT
# cmake -P expect_error.cmake SOURCE COMPILER [OPTION...]
# Passes if SOURCE does not compile and the compiler's output matches the regex in its line `// expect: <regex>`.
set(source "${CMAKE_ARGV3}")
set(command)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE 4 ${last})
    list(APPEND command "${CMAKE_ARGV${i}}")
endforeach()

file(STRINGS "${source}" expected LIMIT_COUNT 1 REGEX "^// expect: ")
string(REGEX REPLACE "^// expect: *" "" expected "${expected}")
if(expected STREQUAL "")
    message(FATAL_ERROR "${source}: no line `// expect: <regex>`")
endif()

execute_process(COMMAND ${command} "${source}" RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result EQUAL 0)
    message(FATAL_ERROR "${source}: compiles, expected an error that matches: ${expected}")
endif()
if(NOT output MATCHES "${expected}")
    message(FATAL_ERROR "${source}: expected an error that matches: ${expected}\ngot:\n${output}")
endif()

# SPDX-License-Identifier: MIT
# What our own tests, examples and benchmarks are compiled with; users of renn::renn never see it.
set(renn_warnings -Wall -Wextra -Wpedantic -Wconversion -Wshadow)

# Errors only with the compilers the project is checked with: a newer one's new warnings must not stop a newcomer.
if((CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13) OR
   (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15))
    list(APPEND renn_warnings -Werror)
endif()

# g++ 12 sees overlapping copies in every `"text" + std::string` it inlines (its bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    list(APPEND renn_warnings -Wno-restrict)
endif()

add_library(renn_development INTERFACE)
target_compile_options(renn_development INTERFACE ${renn_warnings})

# Programs with sanitizers are large: lld links them in a quarter of the time.
include(CheckLinkerFlag)
check_linker_flag(CXX -fuse-ld=lld renn_has_lld)
if(renn_has_lld AND CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_link_options(renn_development INTERFACE -fuse-ld=lld)
endif()

# SPDX-License-Identifier: MIT
# Tests compiled together, see RENN_TEST_TOGETHER in CMakeLists.txt.

# Source text of one program: more saves little more, and takes memory (2 GB with sanitizers) and the last core's time.
set(joined_bytes 50000)
set(joined_programs)

# Sets `out` to the program that a test is in: one with others of its folder, or of its label `threads`, as those are
# built without the rest, or `long_running`; else the test's own. Alone are those with needs of their own (the parts of
# the playground are what its folder needs), and those that reopen a namespace, which would be another one inside of
# theirs, or instantiate what is in one.
function(renn_join_test name source needs labels out)
    set(${out} ${name} PARENT_SCOPE)
    set(namespaces "renn|playground|std|boost|Eigen")
    file(STRINGS ${source} reopened LIMIT_COUNT 1 REGEX "^(namespace|template (class|struct)) (${namespaces})[ :]")
    if(NOT RENN_TEST_TOGETHER OR reopened OR (needs AND NOT needs STREQUAL "playground_parts"))
        return()
    endif()
    set(group)
    foreach(label IN ITEMS long_running threads)
        if(label IN_LIST labels)
            list(APPEND group ${label})
        endif()
    endforeach()
    list(JOIN group _ group)
    if(NOT group)
        cmake_path(GET source PARENT_PATH group)
    endif()
    file(SIZE ${CMAKE_CURRENT_SOURCE_DIR}/${source} bytes)
    math(EXPR bytes "${bytes} + 0${joined_bytes_${group}}")
    if(bytes GREATER joined_bytes OR NOT DEFINED joined_bytes_${group})
        file(SIZE ${CMAKE_CURRENT_SOURCE_DIR}/${source} bytes)
        math(EXPR number "0${joined_number_${group}} + 1")
        set(joined_number_${group} ${number} PARENT_SCOPE)
    else()
        set(number ${joined_number_${group}})
    endif()
    set(joined_bytes_${group} ${bytes} PARENT_SCOPE)

    set(program ${group}_together_${number})
    if(NOT TARGET ${program})
        add_executable(${program} ${CMAKE_CURRENT_BINARY_DIR}/together/${program}.cpp)
        target_include_directories(${program} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
        target_link_libraries(${program} PRIVATE test_main ${needs})
        target_compile_definitions(${program} PRIVATE RENN_GOLDEN_DEFAULT="${CMAKE_CURRENT_SOURCE_DIR}/golden")
        # g++ takes a test that is included for a header, whose names without linkage would differ from file to file.
        target_compile_options(${program} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
        renn_test_options(${program} "${labels}")
        set(joined_programs ${joined_programs} ${program} PARENT_SCOPE)
    endif()
    set_property(TARGET ${program} APPEND PROPERTY joined_tests ${source})
    set(${out} ${program} PARENT_SCOPE)
endfunction()

# Writes the source files: the headers that all their tests include, so that nothing of these is left to be included in
# the suites, then the tests.
function(renn_write_joined_tests)
    foreach(program IN LISTS joined_programs)
        get_target_property(sources ${program} joined_tests)
        set(includes)
        set(suites)
        foreach(source IN LISTS sources)
            file(STRINGS ${source} lines REGEX "^#include (<|.*\\.hpp\")")
            list(APPEND includes ${lines})
            string(REGEX REPLACE "\\.cpp$" "" suite ${source})
            string(REPLACE / _ suite ${suite})
            string(APPEND suites "\n#undef BOOST_TEST_MODULE\nBOOST_AUTO_TEST_SUITE(${suite})\n#include \"${source}\"\n"
                                 "BOOST_AUTO_TEST_SUITE_END()\n")
        endforeach()
        list(REMOVE_DUPLICATES includes)
        list(SORT includes)
        list(JOIN includes "\n" includes)
        file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/together/${program}.cpp @ONLY
             CONTENT "#include <boost/test/unit_test.hpp>\n@includes@\n@suites@")
    endforeach()
endfunction()

# SPDX-License-Identifier: MIT
# Fails if a header in include/renn/layers or include/renn/activations defines a layer that support/all_layers.hpp does
# not list: cmake -Dinclude=<folder with renn/> -Dlist=<the header> -P all_layers_are_tested.cmake
# A layer is found by its `name`, which is that of its type.
file(GLOB headers ${include}/renn/layers/*.hpp ${include}/renn/activations/*.hpp)
file(STRINGS ${list} lines)
set(found 0)
foreach(header IN LISTS headers)
    file(STRINGS ${header} names REGEX "std::string_view name = .*\"")
    string(REGEX MATCHALL "\"[A-Za-z0-9_]+\"" names "${names}")
    foreach(name IN LISTS names)
        string(REPLACE "\"" "" name "${name}")
        math(EXPR found "${found} + 1")
        if(NOT "${lines}" MATCHES "f\\(${name}[0-9]*d?[<(]")
            message(SEND_ERROR "${header}: the layer ${name} is not listed in ${list}")
        endif()
    endforeach()
endforeach()
if(found LESS 24)
    message(SEND_ERROR "${include}: found ${found} layers, expected at least 24: does this script still know one?")
endif()
